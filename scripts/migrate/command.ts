import type { Config, SettingValues } from "../../app/config/settings.ts";
import type { Listener } from "../../app/migrate/events.ts";

/** What a program is given by the operating system; tests give their own. */
export interface Edges {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly stdin: NodeJS.ReadableStream & { isTTY?: boolean };
  readonly stdout: NodeJS.WritableStream & { isTTY?: boolean };
  readonly stderr: NodeJS.WritableStream & { isTTY?: boolean };
  readonly signal: AbortSignal;
}

/** A flag of one command. `value` names its argument; without it the flag stands alone. */
export interface CommandFlag {
  readonly short?: string;
  readonly value?: string;
  readonly description: string;
  /** Other spellings, as older guides have them. */
  readonly aliases?: readonly string[];
}

export interface Command {
  readonly name: string;
  readonly aliases?: readonly string[];
  readonly summary: string;
  /** What follows the name, for example `NAME`. */
  readonly arguments?: string;
  readonly flags?: Readonly<Record<string, CommandFlag>>;
  readonly example: string;
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
  /** Writes what happens to the log on stderr. */
  readonly listener: Listener;
  /** Writes a line to stdout; with `--json` nothing; under the entrypoint (HEADGATE_ANSWER=log) to the log. */
  say(line: string): void;
  /** The same for what the log says anyway: one line for each migration that ran. */
  list(line: string): void;
  /** Writes the one JSON document to stdout, with `--json`. */
  answer(document: unknown): void;
}
