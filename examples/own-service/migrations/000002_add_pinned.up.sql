-- A constant default costs no rewrite, and the version before knows nothing of the column.
ALTER TABLE note ADD COLUMN pinned boolean NOT NULL DEFAULT false;
