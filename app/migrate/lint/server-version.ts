import type { Config } from "../../config/settings.ts";
import { withMigrationSession } from "../migration-session.ts";
import type { RunOptions } from "../with-lock.ts";

/**
 * The major version of the server that migrations run on.
 *
 * @throws AppError `database-unreachable`, `database-refused`, `interrupted`
 */
export async function readServerVersion(config: Config, { signal, listener }: RunOptions): Promise<number> {
  return await withMigrationSession(
    config,
    { activity: "migrate lint", readOnly: true, signal, listener },
    async ({ session }) => {
      const { rows } = await session.client.query<{ major: number }>(
        "SELECT current_setting('server_version_num')::int / 10000 AS major",
      );
      return rows[0]!.major;
    },
  );
}
