-- migrate: no-transaction
-- migrate: allow=mixed-with-concurrently The block may run twice.
-- The extension goes, too, where it is ours to drop and nothing else uses it.

DROP INDEX CONCURRENTLY IF EXISTS server_version_search;

DO $$
BEGIN
  IF EXISTS (SELECT FROM pg_extension WHERE extname = 'pg_trgm' AND pg_get_userbyid(extowner) = current_user) THEN
    DROP EXTENSION pg_trgm;
  END IF;
EXCEPTION
  WHEN dependent_objects_still_exist THEN
    RAISE NOTICE 'pg_trgm stays: something else uses it';
END
$$;
