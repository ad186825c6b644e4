import type { Session } from "./session.ts";

/**
 * Names the life of the server: another text after a restart, and after a crash of one of its processes, in which it
 * begins again under the same start time, and forgets its statistics.
 */
export async function readServerLife({ client, serverStart }: Session): Promise<string> {
  const { rows } = await client.query<{ reset: string | null }>(
    "SELECT extract(epoch FROM pg_catalog.pg_stat_get_bgwriter_stat_reset_time())::text AS reset",
  );
  return `${serverStart} ${rows[0]?.reset ?? ""}`;
}
