import pg from "pg";
import type { Session } from "../database/session.ts";
import { codeOf } from "../database/sqlstate.ts";
import { AppError } from "../errors.ts";
import type { ConcurrentIndex } from "./statements.ts";

interface IndexState {
  /** Quoted and qualified. */
  readonly name: string;
  readonly isValid: boolean;
  /** The backend that is building it at this moment. */
  readonly builtBy: number | null;
}

/** An index that no query uses: its build was interrupted, or has not ended. */
export interface InvalidIndex {
  /** Quoted where SQL wants it, and qualified. */
  readonly name: string;
  readonly table: string;
  readonly bytes: number;
  /** The backend that is building it at this moment. */
  readonly builtBy: number | null;
  /** A constraint or a partitioned index is made of it, so it cannot be dropped alone. */
  readonly isRequired: boolean;
}

/**
 * The invalid indexes of the whole database. A partitioned index is invalid until every partition has its part: none of
 * ours. Roles that may not see the progress of others see their locks, which a builder holds on the table from its
 * beginning to its end; VACUUM and ANALYZE hold the same.
 */
export async function readInvalidIndexes({ client }: Pick<Session, "client">): Promise<InvalidIndex[]> {
  const { rows } = await client.query<InvalidIndex>(
    `SELECT format('%I.%I', n.nspname, c.relname) AS name, format('%I.%I', tn.nspname, t.relname) AS table,
            coalesce(pg_relation_size(c.oid), 0)::float8 AS bytes,
            coalesce(
              (SELECT min(p.pid) FROM pg_catalog.pg_stat_progress_create_index p WHERE p.index_relid = i.indexrelid),
              (SELECT min(l.pid) FROM pg_catalog.pg_locks l
                WHERE l.locktype = 'relation' AND l.relation = i.indrelid AND l.granted AND l.pid <> pg_backend_pid()
                  AND l.database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = current_database())
                  AND l.mode IN ('ShareUpdateExclusiveLock', 'ShareLock')
                  AND NOT EXISTS (SELECT FROM pg_catalog.pg_stat_progress_vacuum v WHERE v.pid = l.pid)
                  AND NOT EXISTS (SELECT FROM pg_catalog.pg_stat_progress_analyze a WHERE a.pid = l.pid))) AS "builtBy",
            EXISTS (SELECT FROM pg_catalog.pg_constraint k WHERE k.conindid = i.indexrelid)
              OR EXISTS (SELECT FROM pg_catalog.pg_inherits h WHERE h.inhrelid = i.indexrelid) AS "isRequired"
       FROM pg_catalog.pg_index i
       JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid
       JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
       JOIN pg_catalog.pg_class t ON t.oid = i.indrelid
       JOIN pg_catalog.pg_namespace tn ON tn.oid = t.relnamespace
      WHERE NOT i.indisvalid AND c.relkind = 'i' AND c.relpersistence <> 't'
      ORDER BY 1`,
  );
  return rows;
}

/** The index that a CREATE INDEX CONCURRENTLY names, if it is there. */
export async function readIndex(
  session: Session,
  { schema, index, table }: ConcurrentIndex,
): Promise<IndexState | undefined> {
  const relation = [schema, table]
    .filter((part) => part !== undefined)
    .map((part) => pg.escapeIdentifier(part))
    .join(".");
  const found = await findIndexes(session, `${isNamed("i.indrelid", "$1")} AND ${same("c.relname", "$2")}`, [
    relation,
    index,
  ]);
  return found[0];
}

/**
 * Drops what interrupted builds left: the INVALID index of the statement's own name, or for REINDEX the `_ccnew` and
 * `_ccold` companions of the indexes it is about. A valid index, or one that somebody is building, is never touched.
 *
 * @returns the names that were dropped
 * @throws AppError `migration-failed` when another session is building it at this moment
 */
export async function dropLeftovers(
  session: Session,
  statement: ConcurrentIndex,
  warn: (text: string) => void = () => undefined,
): Promise<string[]> {
  const dropped: string[] = [];
  for (const leftover of await findLeftovers(session, statement)) {
    if (leftover.builtBy !== null) {
      throw new AppError(
        "migration-failed",
        `the index ${leftover.name} is being built by backend ${leftover.builtBy} at this moment; wait for it or end it`,
      );
    }
    const drop = `DROP INDEX CONCURRENTLY IF EXISTS ${leftover.name}`;
    try {
      await session.client.query(drop);
    } catch (error) {
      // A companion keeps nobody from anything; in pg_toast only a superuser may drop one.
      if (statement.action !== "reindex" || codeOf(error) !== "42501") throw error;
      warn(
        `${leftover.name} is INVALID, left by an interrupted REINDEX, and this role may not drop it: ${drop}`,
      );
      continue;
    }
    dropped.push(leftover.name);
  }
  return dropped;
}

/** What an interruption of that statement has left: invalid indexes, among them those that are being built. */
export async function findLeftovers(session: Session, statement: ConcurrentIndex): Promise<IndexState[]> {
  const found =
    statement.action === "create"
      ? [await readIndex(session, statement)]
      : await reindexLeftovers(session, statement);
  return found.filter((index) => index !== undefined && !index.isValid) as IndexState[];
}

/**
 * The companions of a REINDEX CONCURRENTLY: on the tables it is about, on their partitions, and on the tables of large
 * values (TOAST) behind them. PostgreSQL names a companion after its index, of which it cuts what would make the name
 * longer than 63 bytes, and puts a number behind when that name is taken.
 */
async function reindexLeftovers(
  session: Session,
  { action, schema, index, table, scope }: ConcurrentIndex,
): Promise<IndexState[]> {
  if (action !== "reindex") return [];
  const companion = `c.relname OPERATOR(pg_catalog.~) '_cc(new|old)[0-9]*$'::pg_catalog.text AND NOT i.indisvalid`;
  if (scope === "database") return await findIndexes(session, companion, []);
  const relation = [schema, index ?? table]
    .filter((part) => part !== undefined)
    .map((part) => pg.escapeIdentifier(part))
    .join(".");
  if (index !== undefined) {
    const stem = "pg_catalog.regexp_replace(c.relname::pg_catalog.text, '_cc(new|old)[0-9]*$', '')";
    const isCut = "pg_catalog.octet_length(c.relname::pg_catalog.text) OPERATOR(pg_catalog.>=) 60";
    return await findIndexes(
      session,
      `${companion} AND EXISTS (
         SELECT FROM pg_catalog.pg_index o JOIN pg_catalog.pg_class oc ON oc.oid OPERATOR(pg_catalog.=) o.indexrelid
          WHERE o.indrelid OPERATOR(pg_catalog.=) i.indrelid AND ${isInTree("o.indexrelid", "$1")}
            AND (${same("oc.relname", stem)} OR ${isCut} AND pg_catalog.starts_with(oc.relname::pg_catalog.text, ${stem})))`,
      [relation],
    );
  }
  const tables =
    table === undefined
      ? `SELECT t.oid FROM pg_catalog.pg_class t JOIN pg_catalog.pg_namespace tn ON tn.oid OPERATOR(pg_catalog.=) t.relnamespace WHERE ${same("tn.nspname", "$1")}`
      : `SELECT t.oid FROM pg_catalog.pg_class t WHERE ${isInTree("t.oid", "$1")}`;
  return await findIndexes(
    session,
    `${companion} AND EXISTS (
       SELECT FROM pg_catalog.pg_class r WHERE r.oid OPERATOR(pg_catalog.=) ANY (ARRAY(${tables}))
          AND (r.oid OPERATOR(pg_catalog.=) i.indrelid OR r.reltoastrelid OPERATOR(pg_catalog.=) i.indrelid))`,
    [table === undefined ? schema : relation],
  );
}

/** SQL, the relation of this name or a part of it. */
const isInTree = (oid: string, name: string): string =>
  `(${oid} OPERATOR(pg_catalog.=) pg_catalog.to_regclass(${name})::pg_catalog.oid OR ${oid} OPERATOR(pg_catalog.=) ANY (ARRAY(SELECT p.relid::pg_catalog.oid FROM pg_catalog.pg_partition_tree(pg_catalog.to_regclass(${name})) p)))`;

// The name stands as in the file, so these run under the file's search path, and mean the same under any.
const isNamed = (oid: string, name: string): string =>
  `${oid} OPERATOR(pg_catalog.=) pg_catalog.to_regclass(${name})::pg_catalog.oid`;
const same = (left: string, right: string): string =>
  `${left}::pg_catalog.text OPERATOR(pg_catalog.=) ${right}::pg_catalog.text`;

async function findIndexes(
  session: Session,
  condition: string,
  values: readonly unknown[],
): Promise<IndexState[]> {
  const { rows } = await session.client.query<{ name: string; valid: boolean; built_by: number | null }>(
    `SELECT pg_catalog.format('%I.%I', n.nspname, c.relname) AS name, i.indisvalid AND i.indisready AND i.indislive AS valid, p.pid AS built_by
       FROM pg_catalog.pg_index i
       JOIN pg_catalog.pg_class c ON c.oid OPERATOR(pg_catalog.=) i.indexrelid
       JOIN pg_catalog.pg_namespace n ON n.oid OPERATOR(pg_catalog.=) c.relnamespace
       LEFT JOIN pg_catalog.pg_stat_progress_create_index p ON p.index_relid OPERATOR(pg_catalog.=) i.indexrelid
      WHERE ${condition}`,
    [...values],
  );
  return rows.map(({ name, valid, built_by: builtBy }) => ({ name, isValid: valid, builtBy }));
}
