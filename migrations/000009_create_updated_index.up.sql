-- migrate: no-transaction
-- migrate: deferred
-- What has changed since a moment, for mirrors (updated_since). Deferred: everything works without it, only slower, so
-- no replica has to wait for it; one of them builds it once the service is ready.

CREATE INDEX CONCURRENTLY server_version_updated ON server_version (updated_at, server_name, version);
