import type { Config, SettingValues } from "../../app/config/settings.ts";
import type { Listener } from "../../app/migrate/events.ts";

/** What a program is given by the operating system; tests give their own. */
export interface Edges {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly stdin: NodeJS.ReadableStream & { isTTY?: boolean };
  readonly stdout: NodeJS.WritableStream & { isTTY?: boolean };
  readonly stderr: NodeJS.WritableStream & { isTTY?: boolean; columns?: number };
  readonly signal: AbortSignal;
}

/** A flag of one command. `value` names its argument; without it the flag stands alone. */
export interface CommandFlag {
  readonly short?: string;
  readonly value?: string;
  readonly description: string;
  /** All that the value may be, where that is fixed; anything else is refused, and shells complete these. */
  readonly choices?: readonly string[];
  /** Other spellings, as older guides have them. */
  readonly aliases?: readonly string[];
}

export interface Command {
  readonly name: string;
  readonly aliases?: readonly string[];
  /** One line, without a full stop. */
  readonly summary: string;
  /** A paragraph or more for the help and docs/migrate.md: what it does, what it never does, what to know before. */
  readonly description?: string;
  /** What follows the name, for example `NAME`. */
  readonly arguments?: string;
  /** Several words may follow, not only one. */
  readonly manyArguments?: boolean;
  /** All that the argument may be, where that is fixed; for the completion of shells. */
  readonly argumentChoices?: readonly string[];
  readonly flags?: Readonly<Record<string, CommandFlag>>;
  /** Exit codes besides 0, 1, 2 and 128+n, which every command may give; with what they mean here where that says more. */
  readonly exitCodes?: readonly (number | readonly [code: number, meaning: string])[];
  readonly example: string;
  /** More of them; each begins as `example` does. */
  readonly examples?: readonly string[];
  /** Returns the exit code. */
  run(context: CommandContext): Promise<number>;
}

export interface CommandContext extends Edges {
  readonly json: boolean;
  readonly yes: boolean;
  readonly positionals: readonly string[];
  /** Values of the command's own flags; `true` for one that stands alone. */
  readonly flags: Readonly<Record<string, string | true | undefined>>;
  /** Reads the configuration; fails when no database is configured. */
  config(): Config;
  settings(): SettingValues;
  /** Writes what happens to stderr: the log, or lines and a live line on a terminal. */
  readonly listener: Listener;
  /** Writes a line to stdout; with `--json` nothing; under the entrypoint (HEADGATE_ANSWER=log) to the log. */
  say(line: string): void;
  /** The same for what the log says anyway: one line for each migration that ran. */
  list(line: string): void;
  /** Writes a line about the answer, which is not part of it, to stderr. */
  remark(line: string): void;
  /** Takes away what a terminal shows only for the moment, before something else is written to it. */
  settle(): void;
  /** Writes the one JSON document to stdout, with `--json`. */
  answer(document: unknown): void;
}
