import type { Session } from "../database/session.ts";
import type { Statement } from "./statements.ts";

/** What a session holds that a new one would not have, by kind and name. */
type State = ReadonlyMap<string, string>;

/** Follows what the statements of a migration leave in the session, besides what a resume repeats. */
export interface SessionTracker {
  /** Looks, before the first statement and behind those that were repeated. */
  begin(): Promise<void>;
  /**
   * Looks behind a statement.
   *
   * @returns why a resume behind it would be wrong; null: it would not
   */
  lookBehind(statement: Statement, index: number): Promise<string | null>;
  /** Looks again, once what held for a transaction alone is over. */
  lookAgain(): Promise<string | null>;
}

export function createSessionTracker(session: Pick<Session, "client">): SessionTracker {
  let [expected, seen]: [State, State] = [new Map(), new Map()];
  let [last, hidden]: [string, string | undefined] = ["", undefined];
  const reason = (): string | null => {
    const lost = differences(expected, seen);
    if (lost.length === 0) return hidden ?? null;
    return `${last} left in its session what a new session does not have (${lost.join(", ")})`;
  };
  return {
    async begin() {
      seen = (await readState(session)).state;
      expected = seen;
    },
    async lookBehind(statement, index) {
      const { state, mayHide } = await readState(session, statement.runsDataTriggersOnly);
      last = `statement ${index + 1}`;
      if (statement.setsSession) {
        expected = applyChanges(expected, seen, state);
        if (statement.forgetsSession) hidden = undefined;
      } else if ((mayHide && statement.runsOwnCode) || hidesSetting.test(statement.text))
        hidden ??= `${last} may have made a setting of its own (set_config, SET), which no catalogue shows`;
      seen = state;
      return reason();
    },
    async lookAgain() {
      seen = (await readState(session)).state;
      return reason();
    },
  };
}

/** A setting whose name has a dot, set from inside a block; `SET LOCAL` and the like end with their transaction. */
const hidesSetting =
  /\bset_config\s*\((?![^()]*,\s*true\s*\))|\bset\s+(?:session\s+)?(?:"?\w+"?\s*\.|%|'\s*\|\|)/i;
/** The same for the text of a function, in PostgreSQL's dialect. */
const hidesSettingSql = String.raw`\mset_config\s*\((?![^()]*,\s*true\s*\))|\mset\s+(session\s+)?("?\w+"?\s*\.|%|'\s*\|\|)`;

/** Ours, which each statement gets anew. */
const ours =
  "lock_timeout statement_timeout application_name tcp_keepalives_idle tcp_keepalives_interval tcp_keepalives_count tcp_user_timeout client_connection_check_interval idle_session_timeout idle_in_transaction_session_timeout transaction_timeout transaction_isolation transaction_read_only transaction_deferrable";

const text = (value: string): string => `${value}::pg_catalog.text`;
const equal = (left: string, right: string): string => `${text(left)} OPERATOR(pg_catalog.=) ${text(right)}`;
const mine = (name: string): string => `pg_catalog.current_setting('${name}')`;
const notOurs = `${text("s.name")} OPERATOR(pg_catalog.<>) ALL (pg_catalog.string_to_array('${ours}', ' '))`;

/** Runs under the role and the search path of the file, and means the same under any. */
const question = (triggersOnly: boolean): string => `SELECT pg_catalog.array_to_json(ARRAY(
    SELECT pg_catalog.concat('setting ', s.name, E'\\n', s.setting) FROM pg_catalog.pg_settings s WHERE ${equal("s.source", "'session'")} AND ${notOurs}
    UNION ALL SELECT pg_catalog.concat('setting role', E'\\n', ${mine("role")}, ' ', ${mine("session_authorization")})
    UNION ALL SELECT pg_catalog.concat('temporary ', c.relname, E'\\n', c.oid) FROM pg_catalog.pg_class c
      WHERE pg_catalog.pg_my_temp_schema() OPERATOR(pg_catalog.<>) 0::pg_catalog.oid AND c.relnamespace OPERATOR(pg_catalog.=) pg_catalog.pg_my_temp_schema()
    UNION ALL SELECT pg_catalog.concat('prepared statement ', p.name, E'\\n', p.prepare_time) FROM pg_catalog.pg_prepared_statements p WHERE p.from_sql
    UNION ALL SELECT pg_catalog.concat('cursor ', k.name, E'\\n', k.creation_time) FROM pg_catalog.pg_cursors k WHERE k.is_holdable
    UNION ALL SELECT pg_catalog.concat('advisory lock ', l.classid, ' ', l.objid, ' ', l.mode, E'\\n') FROM pg_catalog.pg_locks l
      WHERE ${equal("l.locktype", "'advisory'")} AND l.pid OPERATOR(pg_catalog.=) pg_catalog.pg_backend_pid())) AS state,
  EXISTS (SELECT FROM pg_catalog.pg_proc f WHERE f.oid OPERATOR(pg_catalog.>=) 16384::pg_catalog.oid
    AND ${triggersOnly ? `f.prorettype OPERATOR(pg_catalog.=) 'pg_catalog.trigger'::pg_catalog.regtype::pg_catalog.oid AND ` : ""}f.prosrc OPERATOR(pg_catalog.~*) $1::pg_catalog.text) AS hides`;

async function readState(
  { client }: Pick<Session, "client">,
  triggersOnly = false,
): Promise<{ state: State; mayHide: boolean }> {
  const { rows } = await client.query<{ state: string[]; hides: boolean }>(question(triggersOnly), [
    hidesSettingSql,
  ]);
  const { state, hides } = rows[0]!;
  const entries = state.map((line): [string, string] => {
    const end = line.indexOf("\n");
    return [line.slice(0, end), line.slice(end + 1)];
  });
  return { state: new Map(entries), mayHide: hides };
}

function differences(left: State, right: State): string[] {
  const names = new Set([...left.keys(), ...right.keys()]);
  return [...names].filter((name) => left.get(name) !== right.get(name));
}

/** `state` with what changed from one look to the next. */
function applyChanges(state: State, before: State, after: State): State {
  const result = new Map(state);
  for (const name of differences(before, after)) {
    const value = after.get(name);
    if (value === undefined) result.delete(name);
    else result.set(name, value);
  }
  return result;
}
