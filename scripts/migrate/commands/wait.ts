import { placeOf } from "../../../app/database/preflight.ts";
import { withMigrationSession } from "../../../app/migrate/migration-session.ts";
import type { Command } from "../command.ts";
import { seconds } from "../words.ts";

export const wait: Command = {
  name: "wait",
  summary: "wait until PostgreSQL is ready for migrations",
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
    const place = placeOf(config.migrationDatabase);
    context.answer({ ready: true, server: place, serverVersion, waitedMs });
    context.say(
      `PostgreSQL ${Math.floor(serverVersion / 10_000)} at ${place} is ready (waited ${seconds(waitedMs)}).`,
    );
    return 0;
  },
};
