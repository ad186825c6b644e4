-- The columns may be null again as far as PostgreSQL knows, and the checks are not proved; no row is read or changed.

ALTER TABLE server_version
  DROP CONSTRAINT server_version_status_changed_finite,
  DROP CONSTRAINT server_version_status_message;
ALTER TABLE server_version
  ADD CONSTRAINT server_version_status_set CHECK (status IS NOT NULL AND status_changed_at IS NOT NULL) NOT VALID,
  ADD CONSTRAINT server_version_status_changed_finite CHECK (isfinite(status_changed_at)) NOT VALID,
  ADD CONSTRAINT server_version_status_message CHECK (
    status_message IS NULL OR (status <> 'active' AND length(status_message) <= 500)
  ) NOT VALID,
  ALTER COLUMN status DROP NOT NULL,
  ALTER COLUMN status_changed_at DROP NOT NULL;
