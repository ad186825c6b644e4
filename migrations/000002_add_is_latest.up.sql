-- Marks the version that `latest` means. A constant default is kept in the catalogue, so no row is rewritten and the
-- table is locked for a moment only. The releases before this one leave it out and so write false; the next migration
-- fills in the truth.

ALTER TABLE server_version ADD COLUMN is_latest boolean NOT NULL DEFAULT false;
