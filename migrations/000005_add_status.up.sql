-- Expand: a version is active, deprecated or deleted, since when, and why. So far it has a boolean, `deprecated`.
--
-- Nothing here reads or rewrites a row: the columns may be null, and the checks are NOT VALID, which means that they
-- hold for whatever is written from now on. The rows that are there get their status from the next migration.
--
-- The release before this one goes on reading and writing `deprecated`, the next one reads and writes `status`; both run
-- side by side until `deprecated` is dropped. The trigger keeps the two in step in the row that is being written, so
-- there is no moment and no order of writers in which they differ. Two things to know about it:
--   * It fills in a missing status at every update, not only where `deprecated` changes. A check that is NOT VALID does
--     look at the whole new row: without this the old release could not even touch the date of an old row.
--   * `status` has no default as long as the trigger is there: with one, a row of the old release that says
--     `deprecated = true` could not be told from one that says `active` on purpose.
-- To the old release a deleted version is a deprecated one, the nearest thing it knows.
--
-- ALTER TABLE waits until every transaction that has written to the table is over. So once this is applied no row
-- without a status can come into being, and the backfill has an end.

CREATE TYPE server_status AS ENUM ('active', 'deprecated', 'deleted');

ALTER TABLE server_version
  ADD COLUMN status server_status,
  ADD COLUMN status_changed_at timestamptz,
  ADD COLUMN status_message text,
  -- Proves NOT NULL later on, and is dropped then.
  ADD CONSTRAINT server_version_status_set CHECK (status IS NOT NULL AND status_changed_at IS NOT NULL) NOT VALID,
  ADD CONSTRAINT server_version_status_changed_finite CHECK (isfinite(status_changed_at)) NOT VALID,
  -- Why it is deprecated or deleted; in characters, as the API counts them.
  ADD CONSTRAINT server_version_status_message CHECK (
    status_message IS NULL OR (status <> 'active' AND length(status_message) <= 500)
  ) NOT VALID;

-- No type is named in it, so that it works whatever the search_path of a writer is.
CREATE FUNCTION server_version_status_bridge() RETURNS trigger LANGUAGE plpgsql AS $bridge$
DECLARE
  -- Only the old release changes `deprecated` and leaves `status` as it is.
  toggled constant boolean := TG_OP = 'UPDATE' AND NEW.status = OLD.status AND NEW.deprecated <> OLD.deprecated;
BEGIN
  IF NEW.status IS NULL OR toggled THEN
    NEW.status := CASE WHEN NEW.deprecated THEN 'deprecated' ELSE 'active' END;
    NEW.status_changed_at := CASE WHEN NEW.deprecated OR toggled THEN NEW.updated_at ELSE NEW.published_at END;
    NEW.status_message := NULL;
  ELSE
    NEW.deprecated := NEW.status <> 'active';
  END IF;
  RETURN NEW;
END
$bridge$;

CREATE TRIGGER server_version_status_bridge BEFORE INSERT OR UPDATE ON server_version
  FOR EACH ROW EXECUTE FUNCTION server_version_status_bridge();
