-- migrate: no-transaction
-- migrate: allow=mixed-with-concurrently The first statement may run twice, and is of no use without the second.
-- The search looks for text anywhere in name, title and description (ILIKE '%…%'), which no ordinary index can help
-- with; an index of all groups of three letters can. One index over the three columns, not one over an expression that
-- joins them: the query stays what it is, so the releases before this one gain as well, a match never spans two columns,
-- and the planner has the columns' statistics.
--
-- pg_trgm comes with PostgreSQL and is trusted: whoever has CREATE on the database may add it. Where the migrations'
-- role has not, someone who has runs `CREATE EXTENSION pg_trgm` once, in a schema of the role's search_path; the
-- statement below then has nothing to do and needs no privilege.

CREATE EXTENSION IF NOT EXISTS pg_trgm;
CREATE INDEX CONCURRENTLY server_version_search ON server_version
  USING gin (server_name gin_trgm_ops, title gin_trgm_ops, description gin_trgm_ops);
