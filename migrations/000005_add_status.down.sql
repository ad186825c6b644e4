-- Back to `deprecated`, which the trigger has kept true to the status: nothing has to be computed.
--
-- Lost: the difference between deprecated and deleted (both are deprecated then), the messages, and since when.

DROP TRIGGER server_version_status_bridge ON server_version;
DROP FUNCTION server_version_status_bridge();
-- The checks go with their columns.
ALTER TABLE server_version
  DROP COLUMN status,
  DROP COLUMN status_changed_at,
  DROP COLUMN status_message;
DROP TYPE server_status;
