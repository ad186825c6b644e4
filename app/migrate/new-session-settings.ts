import { parseRoleSettings } from "../database/role-settings.ts";
import { breakSession, type Session } from "../database/session.ts";

/**
 * Gives the session what a new one of the same role would begin with, where ALTER DATABASE or ALTER ROLE … SET has
 * changed that since it began: RESET ALL goes back to what held then. The next reset takes it away again.
 *
 * Where only a new session has it, since a setting was taken back or our role may not set it, this one is ended: the run
 * goes on with a new one, as after any lost connection.
 *
 * @param now what the server says now, as `roleSettings` has it
 * @throws what the session was ended with
 */
export async function adoptNewSettings(session: Session, now: string | null): Promise<void> {
  if (now === session.roleSettings) return;
  const [before, after] = [parseRoleSettings(session.roleSettings), parseRoleSettings(now)];
  const changed = [...after].filter(([name, value]) => before.get(name) !== value);
  const isGone = [...before.keys()].some((name) => !after.has(name));
  if (!isGone && (await setAll(session, changed))) return;
  const reason = new Error("ALTER DATABASE or ALTER ROLE has changed what a session begins with");
  breakSession(session, reason);
  throw Object.assign(reason, { code: "ECONNABORTED" });
}

async function setAll(
  { client }: Session,
  settings: readonly (readonly [name: string, value: string])[],
): Promise<boolean> {
  try {
    // What the address sets for every session of ours goes before what the server sets.
    for (const [name, value] of settings)
      await client.query(
        `SELECT pg_catalog.set_config($1, $2, false)
          WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_settings s
                             WHERE pg_catalog.lower(s.name) OPERATOR(pg_catalog.=) pg_catalog.lower($1::pg_catalog.text)
                               AND s.source OPERATOR(pg_catalog.=) 'client'::pg_catalog.text)`,
        [name, value],
      );
    return true;
  } catch {
    return false;
  }
}
