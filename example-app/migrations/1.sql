-- All times are milliseconds since 1970, but for signedOutAt.
CREATE TABLE sites (
  instanceId TEXT PRIMARY KEY,
  ownerId TEXT,
  plan TEXT,
  factsAt INTEGER,     -- seconds: when the credential was issued that told the owner and the plan
  originId TEXT,
  title TEXT NOT NULL DEFAULT 'Notes',
  firstSeen INTEGER NOT NULL,
  lifeCycleAt INTEGER, -- when Wix signed the latest AppInstalled or AppRemoved
  removedAt INTEGER,   -- null while the app is installed
  endedAt INTEGER      -- the latest removal: what was issued before it opens nothing, also after a new installation
) STRICT;

CREATE TABLE users (
  instanceId TEXT NOT NULL,
  userId TEXT NOT NULL,
  name TEXT,
  language TEXT,
  view TEXT,
  visits INTEGER NOT NULL DEFAULT 0,
  signedOutAt INTEGER NOT NULL DEFAULT 0, -- seconds, as `iat`
  lastSeen INTEGER NOT NULL,
  PRIMARY KEY (instanceId, userId)
) STRICT;

CREATE TABLE notes (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  instanceId TEXT NOT NULL,
  authorId TEXT NOT NULL,
  content TEXT NOT NULL,
  audience TEXT NOT NULL CHECK (audience IN ('me', 'site', 'public')),
  createdAt INTEGER NOT NULL
) STRICT;
CREATE INDEX notesOfSite ON notes (instanceId, id);

CREATE TABLE events (
  id INTEGER PRIMARY KEY,
  instanceId TEXT,
  kind TEXT NOT NULL,
  type TEXT NOT NULL,
  eventId TEXT,
  receivedAt INTEGER NOT NULL
) STRICT;
CREATE INDEX eventsOfSite ON events (instanceId, id);
CREATE INDEX eventsByTime ON events (receivedAt);

CREATE TABLE audit (
  id INTEGER PRIMARY KEY,
  at INTEGER NOT NULL,
  instanceId TEXT,
  subjectType TEXT,
  subjectId TEXT,
  proof TEXT NOT NULL,
  method TEXT NOT NULL,
  path TEXT NOT NULL,
  outcome TEXT NOT NULL,
  status INTEGER NOT NULL,
  code TEXT
) STRICT;
CREATE INDEX auditOfSite ON audit (instanceId, id);
CREATE INDEX auditByTime ON audit (at);

CREATE TABLE usage (
  instanceId TEXT NOT NULL,
  month TEXT NOT NULL,
  subjectType TEXT NOT NULL,
  subjectId TEXT NOT NULL,
  calls INTEGER NOT NULL,
  PRIMARY KEY (instanceId, month, subjectType, subjectId)
) STRICT;
