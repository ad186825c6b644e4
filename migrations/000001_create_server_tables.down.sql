-- Drops the registry's tables with everything in them.

DROP TABLE server_version;
DROP TABLE server;
