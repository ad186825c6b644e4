import { refusesFile, works, type HostileCase } from "./hostile-case.ts";
import { performAll } from "./perform.ts";

const notSql = (line: number, command: string): string =>
  `000002_case.up.sql:${line}: "${command}" is a command of psql, not SQL; write the SQL itself into the file.`;
const copyAdvice = (line: number): string =>
  `000002_case.up.sql:${line}: COPY … FROM stdin with its data in the file works only in psql; use INSERT`;

const cases: HostileCase[] = [
  refusesFile("\\i, which includes another file", "\\i other.sql\nSELECT 1;\n", [notSql(1, "\\i")]),
  refusesFile("\\set below a statement", "SELECT 1;\n  \\set ON_ERROR_STOP on\n", [notSql(2, "\\set")]),
  refusesFile("\\gexec behind a query", "SELECT 1;\nSELECT 'CREATE TABLE a1 ()' \\gexec\n", [
    notSql(2, "\\gexec"),
  ]),
  refusesFile("\\watch behind a query", "SELECT 1 \\watch 1\n", [notSql(1, "\\watch")]),
  refusesFile("\\restrict, with which newer dumps begin", "\\restrict k3y\nSELECT 1;\n\\unrestrict k3y\n", [
    notSql(1, "\\restrict"),
  ]),
  refusesFile("COPY with its data behind it", "SELECT 1;\nCOPY base FROM stdin;\n3\tthree\n4\tfour\n\\.\n", [
    copyAdvice(2),
  ]),
  refusesFile(
    "COPY with options and data that looks like SQL",
    "COPY base (id, v) FROM STDIN WITH (FORMAT csv);\n3,'it''s'\nSELECT;x\n\\.\n",
    [copyAdvice(1)],
  ),
  refusesFile("COPY without data, for which a server would wait", "COPY base FROM stdin;\n", [copyAdvice(1)]),
  refusesFile(
    "COPY without data outside a transaction",
    "-- migrate: no-transaction\nSELECT 1;\nCOPY base FROM stdin;\n",
    [copyAdvice(3)],
  ),
  works(
    "backslashes, psql's words and COPY's in strings and comments",
    "-- \\i and COPY base FROM stdin;\nINSERT INTO base VALUES (3, '\n\\gexec copy from stdin');\n",
    [],
    {
      rows: { "SELECT v FROM base WHERE id = 3": [["\n\\gexec copy from stdin"]] },
    },
  ),
  // Allowed to a superuser and to pg_execute_server_program; that it runs a command on the database's host is for lint to say.
  works("COPY to a program on the server's host", "COPY base TO PROGRAM 'cat > /dev/null';\n", []),
  works(
    "COPY to stdout, whose data goes nowhere",
    "COPY base TO STDOUT;\nCOPY (SELECT generate_series(1, 10000)) TO STDOUT;\n",
    [],
    { neverSays: ["9999"] },
  ),
];

performAll("a file for psql", cases);
