-- migrate: no-transaction
-- At most one latest version per server, and the way to find it. CONCURRENTLY, so that nobody waits while the index is
-- built; PostgreSQL allows that outside a transaction only.

CREATE UNIQUE INDEX CONCURRENTLY server_version_latest_key ON server_version (server_name) WHERE is_latest;
