import { basename, relative } from "node:path";
import { createMigration } from "../../../app/migrate/create.ts";
import { migrationsDirectory } from "../../../app/migrate/migration-session.ts";
import { usage } from "../arguments.ts";
import type { Command } from "../command.ts";

export const create: Command = {
  name: "create",
  summary: "write an up and a down file with the next number",
  arguments: "NAME",
  flags: {
    ts: { description: "a UTC timestamp instead of the next number", aliases: ["timestamp"] },
    message: { short: "m", value: "NAME", description: "the name, as older guides give it" },
  },
  example: "migrate create add_owner_to_server",
  async run(context) {
    const words = [
      ...context.positionals,
      ...(typeof context.flags["message"] === "string" ? [context.flags["message"]] : []),
    ];
    if (words.length === 0)
      throw usage(create, "Say what the migration does, for example: migrate create add_owner_to_server.");
    const files = createMigration({
      directory: migrationsDirectory(context.settings()),
      name: words.join(" "),
      timestamp: context.flags["ts"] === true,
    });
    const name = basename(files[0]!, ".up.sql");
    context.answer({ version: /^\d+/.exec(name)![0], name, files });
    for (const file of files) context.say(relative(process.cwd(), file));
    return 0;
  },
};
