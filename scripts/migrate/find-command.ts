import { closestTo } from "../../app/config/closest.ts";
import { AppError } from "../../app/errors.ts";
import type { Command } from "./command.ts";
import { commands, findCommand } from "./commands.ts";

/** What other migration tools call it, and how it is typed here. */
const elsewhere: Readonly<Record<string, string>> = {
  apply: "`migrate up`",
  migrate: "`migrate up`",
  latest: "`migrate up`",
  deploy: "`migrate up`",
  rollback: "`migrate down -n 1`",
  undo: "`migrate down -n 1`",
  goto: "`migrate up --to VERSION` or `migrate down --to VERSION`",
  force:
    "`migrate repair VERSION`, or `migrate baseline VERSION` for a schema that was made without Headgate",
  stamp: "`migrate baseline VERSION`",
  mark: "`migrate baseline VERSION`",
  drop: "`migrate reset --confirm`, or `migrate down -n 0`",
  fresh: "`migrate reset --confirm`",
  clean: "`migrate reset --confirm`",
  revision: '`migrate create -m "add owner"`',
  new: "`migrate create NAME`",
  make: "`migrate create NAME`",
  generate: "`migrate create NAME`",
  validate: "`migrate check --offline`, or `migrate verify` to try them",
  test: "`migrate verify`",
  "dry-run": "`migrate plan`",
  preview: "`migrate plan`",
  diff: "`migrate plan`",
  dump: "`migrate sql`",
  script: "`migrate sql`",
  list: "`migrate status`",
};

/** @throws AppError `usage` with what was probably meant */
export function resolveCommand(name: string): Command {
  const command = findCommand(name);
  if (command !== undefined) return command;
  const names = commands.flatMap((each) => [each.name, ...(each.aliases ?? [])]);
  const meant = Object.hasOwn(elsewhere, name) ? elsewhere[name] : closestTo(name, names);
  throw new AppError(
    "usage",
    `Unknown command "${name}"${meant === undefined ? "" : ` (did you mean ${meant}?)`}. \`migrate --help\` lists all.`,
  );
}

export function noCommand(): AppError {
  return new AppError(
    "usage",
    "Say what to do, for example `migrate status`. `migrate --help` lists all commands.",
  );
}
