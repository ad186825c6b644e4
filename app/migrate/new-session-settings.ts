import { parseRoleSettings } from "../database/role-settings.ts";
import { breakSession, type Session } from "../database/session.ts";

type Setting = readonly [name: string, value: string];

/** What RESET ALL does not give a session of ours, and for which state of the server's settings that holds. */
const missing = new WeakMap<
  Session,
  { readonly now: string | null; readonly settings: readonly Setting[] }
>();

/**
 * Gives the session what a new one of the same role would begin with, where ALTER DATABASE or ALTER ROLE … SET has
 * changed that since it began: RESET ALL goes back to what held then. The next reset takes it away again. Asks the server
 * at the first migration of a session, and where its settings have changed.
 *
 * Where only a new session has it, since a setting was taken back or our role may not set it, this one is ended: the run
 * goes on with a new one, as after any lost connection.
 *
 * @param now what the server says now, as `roleSettings` has it; the session was reset just before
 * @throws what the session was ended with
 */
export async function adoptNewSettings(session: Session, now: string | null): Promise<void> {
  let known = missing.get(session);
  if (known === undefined && now === null) known = { now, settings: [] };
  if (known?.now !== now) known = { now, settings: (await findMissing(session, now)) ?? endSession(session) };
  missing.set(session, known);
  if (known.settings.length > 0 && !(await setAll(session, known.settings))) endSession(session);
}

interface Held {
  /** Null: a setting that the server gave the session and would not give a new one. */
  readonly name: string | null;
  /** `database`, `user` …: the server gave it when the session began. Null for a name that no catalogue shows. */
  readonly source: string | null;
  readonly value: string | null;
}

/** What the address sets for every session of ours, and what we set for a migration, goes before what the server sets. */
const goesBefore: ReadonlySet<string> = new Set(["client", "session"]);

/** undefined: the session was given a setting that has been taken back. */
async function findMissing(session: Session, now: string | null): Promise<readonly Setting[] | undefined> {
  const wanted = parseRoleSettings(now);
  const names = [...wanted.keys()];
  const { rows } = await session.client.query<Held>(
    `SELECT n.name, s.source, pg_catalog.current_setting(n.name, true) AS value
       FROM pg_catalog.unnest($1::pg_catalog.text[]) AS n (name)
       LEFT JOIN pg_catalog.pg_settings s ON pg_catalog.lower(s.name) OPERATOR(pg_catalog.=) pg_catalog.lower(n.name)
     UNION ALL
     SELECT NULL, s.source, NULL FROM pg_catalog.pg_settings s
      WHERE s.source OPERATOR(pg_catalog.=) ANY ('{global,database,user,database user}'::pg_catalog.text[])
        AND pg_catalog.lower(s.name) OPERATOR(pg_catalog.<>) ALL ($2::pg_catalog.text[])`,
    [names, names.map((name) => name.toLowerCase())],
  );
  if (rows.some(({ name }) => name === null)) return undefined;
  const held = new Map(rows.map((row) => [row.name, row]));
  return [...wanted].filter(([name, value]) => {
    const { source = null, value: current = null } = held.get(name) ?? {};
    return !goesBefore.has(source ?? "") && current !== value;
  });
}

async function setAll({ client }: Session, settings: readonly Setting[]): Promise<boolean> {
  try {
    for (const setting of settings)
      await client.query("SELECT pg_catalog.set_config($1, $2, false)", [...setting]);
    return true;
  } catch {
    return false;
  }
}

function endSession(session: Session): never {
  const reason = new Error("ALTER DATABASE or ALTER ROLE has changed what a session begins with");
  breakSession(session, reason);
  throw Object.assign(reason, { code: "ECONNABORTED" });
}
