-- migrate: no-transaction
-- Every row has its status now; from here on PostgreSQL knows it, too.
--
-- VALIDATE reads the whole table, with a lock that lets everybody read and write. SET NOT NULL would read it with one
-- that lets nobody, unless a valid check proves that there is nothing to find: then it takes a moment.
--
-- Each statement by itself: in one transaction SET NOT NULL would have to turn the first lock into the second one, and
-- would do all the reading again when it has to try again. DROP CONSTRAINT stands apart as well: within one ALTER TABLE
-- PostgreSQL drops first, and the proof would be gone.

ALTER TABLE server_version VALIDATE CONSTRAINT server_version_status_set;
ALTER TABLE server_version VALIDATE CONSTRAINT server_version_status_changed_finite;
ALTER TABLE server_version VALIDATE CONSTRAINT server_version_status_message;
ALTER TABLE server_version ALTER COLUMN status SET NOT NULL, ALTER COLUMN status_changed_at SET NOT NULL;
ALTER TABLE server_version DROP CONSTRAINT server_version_status_set;
