import { basename, relative } from "node:path";
import { createMigration, migrationNameOf } from "../../../app/migrate/create.ts";
import { migrationsDirectory } from "../../../app/migrate/migration-session.ts";
import { usage } from "../arguments.ts";
import type { Command } from "../command.ts";

export const create: Command = {
  name: "create",
  summary: "write an up and a down file with the next number",
  description:
    "Writes `NNNNNN_name.up.sql` and `NNNNNN_name.down.sql` with a commented head. The name may be several words and is written in snake case. The number is the next one in the width of the newest; with `--ts` it is the time in UTC, or the number after the newest where that is not older. Never writes over a file, and refuses a name that is taken. Two people who create the same number in two branches find out by `migrate check --offline`. Needs no database.",
  arguments: "NAME",
  manyArguments: true,
  flags: {
    ts: { description: "a UTC timestamp instead of the next number", aliases: ["timestamp"] },
    message: { short: "m", value: "NAME", description: "the name, as older guides give it" },
  },
  exitCodes: [[7, "the folder holds something that is not sound"]],
  example: "migrate create add_owner_to_server",
  examples: ['migrate create --ts -m "add owner"'],
  async run(context) {
    const words = [
      ...context.positionals,
      ...(typeof context.flags["message"] === "string" ? [context.flags["message"]] : []),
    ];
    if (words.length === 0)
      throw usage(create, "Say what the migration does, for example: migrate create add_owner_to_server.");
    const typed = words.join(" ");
    const name = migrationNameOf(typed);
    const files = createMigration({
      directory: migrationsDirectory(context.settings()),
      ignore: context.settings().migrationsIgnore,
      name: typed,
      timestamp: context.flags["ts"] === true,
    });
    const migration = basename(files[0]!, ".up.sql");
    if (name !== typed) context.remark(`The name "${typed}" is written as ${name}.`);
    context.answer({ version: /^\d+/.exec(migration)![0], name: migration, files });
    for (const file of files) context.say(relative(process.cwd(), file));
    return 0;
  },
};
