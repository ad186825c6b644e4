-- migrate: no-transaction
-- CONCURRENTLY for the same reason as in the up; IF EXISTS, since a run that was cut off may have dropped it already.

DROP INDEX CONCURRENTLY IF EXISTS server_version_latest_key;
