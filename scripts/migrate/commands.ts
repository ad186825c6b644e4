import type { Command } from "./command.ts";
import { baseline } from "./commands/baseline.ts";
import { check } from "./commands/check.ts";
import { createCompletion } from "./commands/completion.ts";
import { create } from "./commands/create.ts";
import { current } from "./commands/current.ts";
import { deferred } from "./commands/deferred.ts";
import { down } from "./commands/down.ts";
import { history } from "./commands/history.ts";
import { info } from "./commands/info.ts";
import { lint } from "./commands/lint.ts";
import { pending } from "./commands/pending.ts";
import { plan } from "./commands/plan.ts";
import { redo } from "./commands/redo.ts";
import { repair } from "./commands/repair.ts";
import { reset } from "./commands/reset.ts";
import { sql } from "./commands/sql.ts";
import { status } from "./commands/status.ts";
import { up } from "./commands/up.ts";
import { verify } from "./commands/verify.ts";
import { wait } from "./commands/wait.ts";

/** Every command, in the order of the help. */
export const commands: readonly Command[] = [
  up,
  down,
  redo,
  status,
  check,
  pending,
  current,
  history,
  plan,
  sql,
  create,
  lint,
  deferred,
  baseline,
  verify,
  repair,
  reset,
  info,
  wait,
  createCompletion(() => commands),
];

export function findCommand(name: string): Command | undefined {
  return commands.find((command) => command.name === name || command.aliases?.includes(name));
}
