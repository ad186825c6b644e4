-- Takes the mark away; it can be computed again from the versions and their dates.

ALTER TABLE server_version DROP COLUMN is_latest;
