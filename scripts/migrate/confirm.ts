import { AppError } from "../../app/errors.ts";
import { printable } from "../../app/printable.ts";
import type { CommandContext } from "./command.ts";

/**
 * Asks whether to go on, unless `--yes` was given. The text goes to stderr: stdout is for the answer. The end of the
 * input is a no.
 *
 * @throws AppError `usage` where nobody can be asked; what `question` throws when the signal fires
 */
export async function confirm(
  context: CommandContext,
  lines: readonly string[],
  question: string,
): Promise<boolean> {
  if (context.yes) return true;
  const text = printable(lines.join("\n"));
  if (!context.stdin.isTTY || !context.stderr.isTTY) {
    throw new AppError(
      "usage",
      `${text}\nThere is no terminal to ask on; nothing was touched. Say --yes to go on.`,
    );
  }
  // Loaded for those whom we ask.
  const { createInterface } = await import("node:readline/promises");
  context.settle();
  context.stderr.write(`${text}\n`);
  // The terminal edits the line and turns Ctrl-C into a signal, as for any program; there is no mode to put back.
  const prompt = createInterface({ input: context.stdin, output: context.stderr, terminal: false });
  const ended = new Promise<undefined>((resolve) => prompt.once("close", () => resolve(undefined)));
  let reply: string | undefined;
  try {
    reply = await Promise.race([prompt.question(`${question} [y/N] `, { signal: context.signal }), ended]);
  } finally {
    prompt.close();
    // Nobody has pressed Enter, and readline says so only when the signal ended it.
    if (reply === undefined && !context.signal.aborted) context.stderr.write("\n");
  }
  return /^y(?:es)?$/i.test(reply?.trim() ?? "");
}
