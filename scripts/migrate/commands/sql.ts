import type { ScriptRange } from "../../../app/migrate/script/read-steps.ts";
import { printable } from "../../../app/printable.ts";
import { migrationCount, usage, versionNumber } from "../arguments.ts";
import type { Command, CommandContext } from "../command.ts";

export const sql: Command = {
  name: "sql",
  summary: "print what `up` (or `down`) would run as a script for psql, ledger rows included",
  description:
    "Piped through psql, the script leaves the same schema and the same ledger as the run itself: each migration in its transaction with its time-outs and ledger rows, a clean session for each, statement by statement where a file says `no-transaction`. It takes the migration lock, refuses a history other than the one it was made for, and stops at its first error; where it is cut off, `migrate up` goes on. With `--from` it is made from the files alone, for a database that cannot be reached from here. Only reads.\n\nA migration in TypeScript or JavaScript is code, and not part of it without `--allow-code`: the script stops there. A script does not try again, and repairs no interrupted index build.",
  arguments: "[N]",
  flags: {
    to: {
      value: "VERSION",
      description: "none above this version; with --down: everything above it, 0 for all",
    },
    n: {
      short: "n",
      value: "N",
      description: "at most N migrations; with --down: the newest N, 0 for all",
      aliases: ["num-steps", "steps"],
    },
    from: {
      value: "VERSION",
      description:
        "for a database at this version (0: an empty one), by the files alone: nothing is connected to",
    },
    down: { description: "what `down` would run" },
    deferred: { description: "deferred migrations too" },
    "allow-code": {
      description:
        "call the functions of TypeScript and JavaScript migrations, and print what they ask the builder for; without it, the script stops where one stands, and the exit code is 3",
    },
  },
  exitCodes: [
    [3, "the script stops at a migration in TypeScript or JavaScript that it does not hold"],
    4,
    7,
    8,
    9,
  ],
  example: 'migrate sql > up.sql && psql -q -f up.sql "$DATABASE_URL"',
  examples: ["migrate sql --down -n 1", "migrate sql --from 0 --to 000012"],
  async run(context) {
    // Loaded here: `migrate up`, which every start of a container runs, must not pay for it.
    const { readScriptSteps, scriptStepsFromFiles } =
      await import("../../../app/migrate/script/read-steps.ts");
    const { renderScript } = await import("../../../app/migrate/script/script.ts");
    const { flags } = context;
    const range = rangeOf(context);
    const from = typeof flags["from"] === "string" ? versionNumber(sql, "--from", flags["from"]) : undefined;
    const config = from === undefined ? context.config() : context.settings();
    const steps =
      from === undefined
        ? await readScriptSteps(context.config(), range, context)
        : await scriptStepsFromFiles(config, from, range);
    const script = await renderScript(config, steps, {
      allowCode: flags["allow-code"] === true,
      signal: context.signal,
    });
    const { warnings, ...document } = script;
    context.answer(document);
    const isRead = await writeAll(context, context.json ? "" : script.sql);
    for (const warning of warnings) context.listener({ type: "warning", ...warning });
    // psql, for one, is gone when it has stopped at an error: SIGPIPE's number.
    if (!isRead) return 128 + 13;
    return script.codeMigrations.every(({ rendered }) => rendered) ? 0 : 3;
  },
};

function rangeOf(context: CommandContext): ScriptRange {
  const { flags } = context;
  const count = migrationCount(sql, context);
  const to = typeof flags["to"] === "string" ? versionNumber(sql, "--to", flags["to"]) : undefined;
  const isDown = flags["down"] === true;
  if (isDown && (count === undefined) === (to === undefined))
    throw usage(sql, "Say how far down: either -n N (0 for all) or --to VERSION.");
  return { direction: isDown ? "down" : "up", to, count, deferred: flags["deferred"] === true };
}

/**
 * Into a pipe that is read slowly a big script goes only bit by bit.
 *
 * @returns whether all that was written so far was taken
 */
async function writeAll({ stdout }: CommandContext, text: string): Promise<boolean> {
  return await new Promise((resolve, reject) => {
    stdout.once("error", (error: NodeJS.ErrnoException) =>
      error.code === "EPIPE" ? resolve(false) : reject(error),
    );
    stdout.write(stdout.isTTY === true ? printable(text) : text, (error) => {
      if (!error) resolve(true);
    });
  });
}
