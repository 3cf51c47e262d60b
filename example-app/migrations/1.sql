CREATE TABLE sites (
  instance_id TEXT PRIMARY KEY, owner_id TEXT, plan TEXT, origin_id TEXT,
  title TEXT NOT NULL DEFAULT 'Notes', first_seen INTEGER NOT NULL,
  life_cycle_at INTEGER, -- when Wix signed the latest AppInstalled or AppRemoved
  removed_at INTEGER,    -- null while the app is installed
  ended_at INTEGER       -- the latest removal: what was issued before it opens nothing, also after a new installation
) STRICT;
CREATE TABLE users (
  instance_id TEXT NOT NULL, user_id TEXT NOT NULL, name TEXT, language TEXT, view TEXT,
  visits INTEGER NOT NULL DEFAULT 0, signed_out_at INTEGER NOT NULL DEFAULT 0, last_seen INTEGER NOT NULL,
  PRIMARY KEY (instance_id, user_id)
) STRICT;
CREATE TABLE notes (
  id INTEGER PRIMARY KEY AUTOINCREMENT, instance_id TEXT NOT NULL, author_id TEXT NOT NULL, content TEXT NOT NULL,
  audience TEXT NOT NULL CHECK (audience IN ('me', 'site', 'public')), created_at INTEGER NOT NULL
) STRICT;
CREATE INDEX notes_of_site ON notes (instance_id, id);
CREATE TABLE events (
  id INTEGER PRIMARY KEY, instance_id TEXT, kind TEXT NOT NULL, type TEXT NOT NULL, event_id TEXT,
  received_at INTEGER NOT NULL
) STRICT;
CREATE INDEX events_of_site ON events (instance_id, id);
CREATE TABLE audit (
  id INTEGER PRIMARY KEY, at INTEGER NOT NULL, instance_id TEXT, subject_type TEXT, subject_id TEXT, proof TEXT NOT NULL,
  method TEXT NOT NULL, path TEXT NOT NULL, outcome TEXT NOT NULL, status INTEGER NOT NULL, code TEXT
) STRICT;
CREATE INDEX audit_of_site ON audit (instance_id, id);
CREATE INDEX audit_by_time ON audit (at);
CREATE TABLE usage (
  instance_id TEXT NOT NULL, month TEXT NOT NULL, subject_type TEXT NOT NULL, subject_id TEXT NOT NULL, calls INTEGER NOT NULL,
  PRIMARY KEY (instance_id, month, subject_type, subject_id)
) STRICT;
