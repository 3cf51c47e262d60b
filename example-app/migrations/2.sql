-- Of an entry that is tried again since nobody knows whether it was stored. Entries from before have none.
ALTER TABLE "audit" ADD COLUMN "key" TEXT;
CREATE UNIQUE INDEX "auditByKey" ON "audit" ("key");
