import type { Session } from "../database/session.ts";

/**
 * Asks whoever decides whether the plan is to be carried out; a person may take an hour. The session must hold no lock
 * and no transaction meanwhile, and is not ended by the server for being idle. Its watchdog stays.
 */
export async function agree<Plan>(
  session: Session,
  plan: Plan,
  confirm: ((plan: Plan) => Promise<boolean>) | undefined,
): Promise<boolean> {
  if (confirm === undefined) return true;
  if (session.serverVersion >= 140_000) await session.client.query("SET idle_session_timeout = 0");
  return await confirm(plan);
}
