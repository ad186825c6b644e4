-- migrate: no-transaction
-- CONCURRENTLY, so that nobody who writes a note waits; it cannot run in a transaction.
CREATE INDEX CONCURRENTLY note_pinned ON note (id) WHERE pinned;
