-- migrate: no-transaction
DROP INDEX CONCURRENTLY note_pinned;
