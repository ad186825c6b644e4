-- migrate: allow=data-change-with-ddl The old release must not see the column without its values, see below.
-- Gives the old release its column back, and the trigger that keeps it in step with the status (why it is as it is
-- stands in 000005_add_status). Nothing is lost: the status stays, and says what the column has to hold.
--
-- The constant default rewrites no row. The update touches those that are not active, few of them, and finds the others
-- right; the table is locked for that long, since between the column and its values no old release may read it.

ALTER TABLE server_version
  ADD COLUMN deprecated boolean NOT NULL DEFAULT false,
  ALTER COLUMN status DROP DEFAULT,
  ALTER COLUMN status_changed_at DROP DEFAULT;

UPDATE server_version SET deprecated = true WHERE status <> 'active';

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
