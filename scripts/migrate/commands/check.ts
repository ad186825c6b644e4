import { checkFolder } from "../../../app/migrate/check-files.ts";
import { migrationsDirectory } from "../../../app/migrate/migration-session.ts";
import { readStatus } from "../../../app/migrate/status.ts";
import type { Command, CommandContext } from "../command.ts";
import { countOf } from "../words.ts";

export const check: Command = {
  name: "check",
  summary:
    "exit 0 when the schema is at head, 3 when migrations are pending, 7 when files and history disagree, 9 when this image is too old",
  description:
    "For scripts and pipelines: the answer is the exit code. Only reads. With `--offline` it reads every file in both directions as a run would, without a database, so that a broken migration never becomes an image.",
  flags: {
    offline: { description: "look at the files alone, without a database: exit 0, or 7 with what is wrong" },
    "exit-code": { description: "the default; accepted because other tools have it" },
  },
  exitCodes: [
    [3, "migrations are pending"],
    4,
    7,
    8,
    [9, "a migration that this image does not have is marked as breaking"],
  ],
  example: "migrate check || echo not yet",
  examples: ["migrate check --offline"],
  run: async (context) =>
    context.flags["offline"] === true ? await checkFiles(context) : await checkDatabase(context),
};

async function checkFiles(context: CommandContext): Promise<number> {
  const settings = context.settings();
  const { migrations, problems, warnings } = await checkFolder(
    migrationsDirectory(settings),
    settings.migrationsIgnore,
  );
  const exitCode = problems.length > 0 ? 7 : 0;
  context.answer({ ok: exitCode === 0, exitCode, migrations, problems, warnings });
  for (const problem of problems) context.say(problem);
  for (const warning of warnings) context.say(`note: ${warning}`);
  context.say(
    exitCode === 0
      ? `${countOf(migrations.length, "migration")}, all sound.`
      : `${countOf(problems.length, "problem")} found; nothing would be run.`,
  );
  return exitCode;
}

async function checkDatabase(context: CommandContext): Promise<number> {
  const { pending, conflicts, breaking, ahead, current, deferred, leftOut } = await readStatus(
    context.config(),
    context,
  );
  const isRefused = conflicts.length > 0 || (leftOut.length > 0 && pending.length > 0);
  const exitCode = isRefused ? 7 : breaking.length > 0 ? 9 : pending.length > 0 ? 3 : 0;
  context.answer({
    ok: exitCode === 0,
    exitCode,
    current,
    pending,
    deferred,
    ahead,
    breaking,
    conflicts,
    leftOut,
  });
  for (const { message } of conflicts) context.say(message);
  for (const sentence of leftOut) context.say(sentence);
  for (const name of breaking)
    context.say(`${name} is marked as breaking and not part of this image: deploy a newer image.`);
  for (const name of pending) context.say(`pending: ${name}`);
  context.say(
    exitCode === 0
      ? `The schema is at head: ${current ?? "no migration is applied"}.`
      : `${countOf(pending.length, "migration")} pending, ${countOf(conflicts.length, "conflict")}.`,
  );
  return exitCode;
}
