-- migrate: no-transaction

DROP INDEX CONCURRENTLY IF EXISTS server_version_updated;
