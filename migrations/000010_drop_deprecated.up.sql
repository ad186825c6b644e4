-- migrate: breaking
-- migrate: allow=ban-drop-column That is what it is for; no release that may run on this schema uses the column.
-- Contract: `status` says all that `deprecated` did, and no release that runs reads or writes it any more. `breaking`,
-- since images of that age must not run on this schema.
--
-- With the trigger gone the columns can have the defaults that would have misled it. The three changes touch the
-- catalogue only, no row.

DROP TRIGGER server_version_status_bridge ON server_version;
DROP FUNCTION server_version_status_bridge();
ALTER TABLE server_version
  DROP COLUMN deprecated,
  ALTER COLUMN status SET DEFAULT 'active',
  ALTER COLUMN status_changed_at SET DEFAULT now();
