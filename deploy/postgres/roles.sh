#!/usr/bin/env bash
#
# The two roles of docker-compose.migrate-service.yml and deploy/swarm/stack.yml. The postgres image runs this once, when
# it makes the database:
#   headgate_migrator  owns the database and what migrations make in it
#   headgate_app       reads and writes rows, reads the ledger, and changes no table
#
# usage: roles.sh, with POSTGRES_USER, POSTGRES_DB and the passwords in /run/secrets

set -Eeuo pipefail

# psql reads the passwords by itself: they appear in no argument list, and in no log should a statement fail.
psql -v ON_ERROR_STOP=1 --no-psqlrc --quiet --username "$POSTGRES_USER" --dbname "$POSTGRES_DB" <<- 'SQL'
	SET log_statement = 'none';
	SET log_min_error_statement = 'panic';
	SET log_min_duration_statement = -1;
	\set migrator_password `cat /run/secrets/migrator_password`
	\set app_password `cat /run/secrets/app_password`
	CREATE ROLE headgate_migrator LOGIN PASSWORD :'migrator_password';
	CREATE ROLE headgate_app LOGIN PASSWORD :'app_password';

	-- So that it can say whose query a migration waits for.
	GRANT pg_read_all_stats TO headgate_migrator;

	ALTER DATABASE :"DBNAME" OWNER TO headgate_migrator;
	REVOKE ALL ON DATABASE :"DBNAME" FROM PUBLIC;
	GRANT CONNECT ON DATABASE :"DBNAME" TO headgate_app;

	ALTER SCHEMA public OWNER TO headgate_migrator;
	REVOKE ALL ON SCHEMA public FROM PUBLIC;
	GRANT USAGE ON SCHEMA public TO headgate_app;
	ALTER DEFAULT PRIVILEGES FOR ROLE headgate_migrator IN SCHEMA public
	  GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO headgate_app;
	ALTER DEFAULT PRIVILEGES FOR ROLE headgate_migrator IN SCHEMA public
	  GRANT USAGE, SELECT ON SEQUENCES TO headgate_app;

	CREATE SCHEMA migrations AUTHORIZATION headgate_migrator;
	GRANT USAGE ON SCHEMA migrations TO headgate_app;
	ALTER DEFAULT PRIVILEGES FOR ROLE headgate_migrator IN SCHEMA migrations
	  GRANT SELECT ON TABLES TO headgate_app;
SQL
