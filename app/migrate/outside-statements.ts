import pg from "pg";
import { alterCommands, isConcurrentDetach, nameParts, optionsOf, wordsOf, type Node } from "./parse-tree.ts";

/**
 * How a statement outside a transaction is taken up that an interruption cut off, or kept from being recorded. `repeat`:
 * it does the rest, or the same again. `index`: what the index says that it is about (invalid-index.ts). `look`: what
 * the catalogue says. `unknown`: it commits by itself, and nothing tells how far it came.
 */
export type Recovery = "repeat" | "index" | "unknown" | Look;

/** A question to the catalogue about one statement. */
export interface Look {
  /** SQL for one row, `done` and `half`. It runs under the file's search path, and means the same under any. */
  readonly sql: string;
  readonly values: readonly unknown[];
  /** Ends a statement that is half done; without it, repeating the statement does. */
  readonly finish: string | undefined;
}

interface OutsideStatement {
  readonly node: string;
  /** The server alone knows whether it refuses this one, for example by the kind of a table: it is asked. */
  readonly ifServerRefuses?: boolean;
  readonly isMeant?: (body: Node) => boolean;
  readonly recover: (body: Node) => Recovery;
}

const repeat = (): Recovery => "repeat";
const index = (): Recovery => "index";
const is =
  (name: string, ...values: readonly string[]) =>
  (body: Node): boolean =>
    values.includes(String(body[name]));

/**
 * Every statement that PostgreSQL 13 to 18 refuses in a transaction block, or that may commit by itself. Source:
 * PostgreSQL's callers of PreventInTransactionBlock. The first row that fits counts.
 */
const outsideStatements: readonly OutsideStatement[] = [
  { node: "VacuumStmt", isMeant: ({ is_vacuumcmd: isVacuum }) => isVacuum === true, recover: repeat },
  { node: "ClusterStmt", isMeant: ({ relation }) => relation === undefined, recover: repeat },
  // A partitioned table or index is worked through one by one.
  { node: "ClusterStmt", ifServerRefuses: true, recover: repeat },
  { node: "ReindexStmt", isMeant: isConcurrentReindex, recover: index },
  {
    node: "ReindexStmt",
    isMeant: is("kind", "REINDEX_OBJECT_SCHEMA", "REINDEX_OBJECT_SYSTEM", "REINDEX_OBJECT_DATABASE"),
    recover: repeat,
  },
  { node: "ReindexStmt", ifServerRefuses: true, recover: repeat },
  { node: "IndexStmt", isMeant: is("concurrent", "true"), recover: index },
  { node: "DropStmt", isMeant: is("concurrent", "true"), recover: dropsIndex },
  {
    node: "AlterTableStmt",
    isMeant: (body) => alterCommands(body).some(isConcurrentDetach),
    recover: detaches,
  },
  { node: "CreatedbStmt", recover: (body) => database(body, true) },
  { node: "DropdbStmt", recover: (body) => database(body, false) },
  {
    node: "AlterDatabaseStmt",
    isMeant: ({ options }) => optionsOf(options).has("tablespace"),
    recover: repeat,
  },
  { node: "CreateTableSpaceStmt", recover: (body) => tablespace(body, true) },
  { node: "DropTableSpaceStmt", recover: (body) => tablespace(body, false) },
  { node: "AlterSystemStmt", recover: repeat },
  { node: "CreateSubscriptionStmt", recover: (body) => subscription(body, true) },
  { node: "DropSubscriptionStmt", recover: (body) => subscription(body, false) },
  {
    node: "AlterSubscriptionStmt",
    isMeant: is("kind", "ALTER_SUBSCRIPTION_ADD_PUBLICATION", "ALTER_SUBSCRIPTION_DROP_PUBLICATION"),
    recover: publications,
  },
  { node: "AlterSubscriptionStmt", recover: repeat },
  { node: "DiscardStmt", isMeant: is("target", "DISCARD_ALL"), recover: repeat },
  {
    node: "TransactionStmt",
    isMeant: is("kind", "TRANS_STMT_COMMIT_PREPARED", "TRANS_STMT_ROLLBACK_PREPARED"),
    recover: endsPrepared,
  },
  { node: "DoStmt", recover: () => "unknown" },
  { node: "CallStmt", recover: () => "unknown" },
];

/** How a statement is taken up again, and when it needs to be run outside a transaction; undefined for all others. */
export function outsideOf(
  node: string,
  body: Node,
): { readonly recovery: Recovery; readonly ifServerRefuses: boolean } | undefined {
  const found = outsideStatements.find(
    (statement) => statement.node === node && (statement.isMeant?.(body) ?? true),
  );
  return found && { recovery: found.recover(body), ifServerRefuses: found.ifServerRefuses === true };
}

function isConcurrentReindex({ params }: Node): boolean {
  return optionsOf(params).has("concurrently");
}

const equal = (left: string, right: string): string =>
  `${left}::pg_catalog.text OPERATOR(pg_catalog.=) ${right}::pg_catalog.text`;
const here = `(SELECT h.oid FROM pg_catalog.pg_database h WHERE ${equal("h.datname", "pg_catalog.current_database()")})`;

/** `done` when it is there, or for a removal when it is not. */
function existence(exists: string, values: readonly unknown[], creates: boolean, half = "false"): Look {
  return {
    sql: `SELECT ${creates ? "" : "NOT "}EXISTS (${exists}) AS done, ${half} AS half`,
    values,
    finish: undefined,
  };
}

/** Its second transaction waits for whoever uses the partition; cut off there, it is pending until it is finalized. */
function detaches(body: Node): Look {
  const partition = alterCommands(body).find(isConcurrentDetach)?.["def"] as
    { PartitionCmd?: { name?: unknown } } | undefined;
  const [parent, child] = [quotedRelation(body["relation"]), quotedRelation(partition?.PartitionCmd?.name)];
  const link = `FROM pg_catalog.pg_inherits i
    WHERE i.inhparent OPERATOR(pg_catalog.=) pg_catalog.to_regclass($1)::pg_catalog.oid AND i.inhrelid OPERATOR(pg_catalog.=) pg_catalog.to_regclass($2)::pg_catalog.oid`;
  // By way of the row, since PostgreSQL 13 has no such column.
  const isPending = equal("pg_catalog.to_jsonb(i) OPERATOR(pg_catalog.->>) 'inhdetachpending'", "'true'");
  return {
    sql: `SELECT pg_catalog.to_regclass($2) IS NOT NULL AND NOT EXISTS (SELECT ${link}) AS done, EXISTS (SELECT ${link} AND ${isPending}) AS half`,
    values: [parent, child],
    finish: `ALTER TABLE ${parent} DETACH PARTITION ${child} FINALIZE`,
  };
}

function dropsIndex(body: Node): Look {
  const name = nameParts((body["objects"] as unknown[] | undefined)?.[0]);
  return {
    sql: "SELECT pg_catalog.to_regclass($1) IS NULL AS done, false AS half",
    values: [name.map((part) => pg.escapeIdentifier(part)).join(".")],
    finish: undefined,
  };
}

/** A DROP DATABASE that was cut off leaves a database that takes no connection (`datconnlimit` -2); DROP takes it away. */
function database({ dbname: name }: Node, creates: boolean): Look {
  const found = `SELECT FROM pg_catalog.pg_database d WHERE ${equal("d.datname", "$1")}`;
  const isUsable = creates ? " AND d.datconnlimit OPERATOR(pg_catalog.<>) (-2)" : "";
  return existence(`${found}${isUsable}`, [name], creates);
}

function tablespace({ tablespacename: name }: Node, creates: boolean): Look {
  return existence(
    `SELECT FROM pg_catalog.pg_tablespace s WHERE ${equal("s.spcname", "$1")}`,
    [name],
    creates,
  );
}

const ofSubscription = `FROM pg_catalog.pg_subscription s WHERE s.subdbid OPERATOR(pg_catalog.=) ${here} AND ${equal("s.subname", "$1")}`;

function subscription({ subname: name }: Node, creates: boolean): Look {
  return existence(`SELECT ${ofSubscription}`, [name], creates);
}

/** With a refresh, which is part of the same transaction. */
function publications({ subname: name, publication, kind }: Node): Look {
  const names = wordsOf(publication);
  const operator = kind === "ALTER_SUBSCRIPTION_ADD_PUBLICATION" ? "@>" : "&&";
  const publicationsFit = `s.subpublications OPERATOR(pg_catalog.${operator}) $2::pg_catalog.text[]`;
  return existence(`SELECT ${ofSubscription} AND ${publicationsFit}`, [name, names], operator === "@>");
}

function endsPrepared({ gid }: Node): Look {
  const prepared = `SELECT FROM pg_catalog.pg_prepared_xacts x WHERE ${equal("x.gid", "$1")} AND ${equal("x.database", "pg_catalog.current_database()")}`;
  return existence(prepared, [gid], false);
}

function quotedRelation(rangeVar: unknown): string {
  const { schemaname, relname = "" } = (rangeVar ?? {}) as { schemaname?: string; relname?: string };
  return [schemaname, relname]
    .flatMap((part) => (part === undefined ? [] : [pg.escapeIdentifier(part)]))
    .join(".");
}
