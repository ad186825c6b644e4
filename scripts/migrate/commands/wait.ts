import { placeOf } from "../../../app/database/preflight.ts";
import { withMigrationSession } from "../../../app/migrate/migration-session.ts";
import type { Command } from "../command.ts";
import { seconds } from "../words.ts";

export const wait: Command = {
  name: "wait",
  summary: "wait until PostgreSQL is ready for migrations",
  description:
    "Tries until `WAIT_TIMEOUT` whether migrations could be run: the server answers, has ended starting and recovering, accepts the role and has the database. What waiting does not cure, such as a wrong password, ends it at once.",
  exitCodes: [4, 8],
  example: "migrate wait --wait-timeout 2min",
  async run(context) {
    const config = context.config();
    const started = Date.now();
    const serverVersion = await withMigrationSession(
      config,
      { activity: "migrate wait", signal: context.signal, listener: context.listener },
      async ({ session }) => session.serverVersion,
    );
    const waitedMs = Date.now() - started;
    const { host, port } = config.migrationDatabase;
    const version = `${Math.floor(serverVersion / 10_000)}.${serverVersion % 10_000}`;
    context.answer({ ready: true, server: { host, port, version }, waitedMs });
    context.say(
      `PostgreSQL ${version} at ${placeOf({ host, port })} is ready (waited ${seconds(waitedMs)}).`,
    );
    return 0;
  },
};
