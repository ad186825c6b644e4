import { createInterface } from "node:readline/promises";
import { AppError } from "../../app/errors.ts";
import type { CommandContext } from "./command.ts";

/**
 * Asks whether to go on, unless `--yes` was given. The text goes to stderr: stdout is for the answer.
 *
 * @throws AppError `usage` where nobody can be asked
 */
export async function confirm(
  context: CommandContext,
  lines: readonly string[],
  question: string,
): Promise<boolean> {
  if (context.yes) return true;
  if (!context.stdin.isTTY || !context.stderr.isTTY) {
    throw new AppError(
      "usage",
      `${lines.join("\n")}\nThere is no terminal to ask on; nothing was touched. Say --yes to go on.`,
    );
  }
  const prompt = createInterface({ input: context.stdin, output: context.stderr });
  try {
    context.stderr.write(`${lines.join("\n")}\n`);
    const reply = await prompt.question(`${question} [y/N] `, { signal: context.signal });
    return /^y(?:es)?$/i.test(reply.trim());
  } finally {
    prompt.close();
  }
}
