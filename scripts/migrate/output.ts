import { createLog } from "../../app/log.ts";
import { createEventLog } from "../../app/migration-log.ts";
import { exitCodeOf, logError, textOf } from "../../app/exit-code.ts";
import type { Listener, MigrationEvent } from "../../app/migrate/events.ts";
import { printable, printableJson } from "../../app/printable.ts";
import type { Edges } from "./command.ts";
import { createPaint, mayPaint } from "./paint.ts";
import { createProgress } from "./progress.ts";
import { createScreen } from "./screen.ts";
import { createStatusPipe } from "./status-pipe.ts";

export interface OutputSettings {
  readonly logLevel: string;
  readonly logFormat: "json" | "pretty" | undefined;
  /** One JSON document instead of text. */
  readonly json: boolean;
  /** `--no-color`. */
  readonly noColor: boolean;
}

/** Everything that a command writes: the answer to stdout, what happens to stderr. */
export interface Output {
  readonly listener: Listener;
  say(line: string): void;
  list(line: string): void;
  answer(document: unknown): void;
  /** A line about the answer, for people; it goes to the log. */
  remark(line: string): void;
  /** Says what went wrong, and returns the exit code. */
  fail(error: unknown): number;
  /** Takes away what is shown only for the moment. */
  settle(): void;
}

/**
 * A person at a terminal sees lines and a live line; everybody else reads the log. What comes from files and servers is
 * made harmless where a terminal shows it.
 */
export function createOutput(edges: Edges, settings: OutputSettings): Output {
  const { env, stdout, stderr } = edges;
  const { logLevel: level, logFormat, json } = settings;
  const isTerminal = stderr.isTTY === true;
  const format = logFormat ?? (isTerminal ? "pretty" : "json");
  // Under the entrypoint the terminal is the container's log, and answers go there, too.
  const answersToLog = env["HEADGATE_ANSWER"] === "log";
  const isWatched =
    isTerminal && format === "pretty" && told.has(level) && !answersToLog && env["TERM"] !== "dumb";
  const screen = createScreen(stderr, isWatched);
  const paint = createPaint(isTerminal && !settings.noColor && mayPaint(env));
  const log = createLog({
    level,
    format,
    stream: { write: (text: string) => screen.write(isTerminal ? printableJson(text) : text) },
  });
  const progress = createProgress(screen, paint);
  const write = (line: string): void => {
    progress.settle();
    stdout.write(`${stdout.isTTY === true ? printable(line) : line}\n`);
  };
  return {
    listener: together(isWatched ? progress.listener : createEventLog(log), env["HEADGATE_STATUS_FD"]),
    settle: progress.settle,
    say(line) {
      if (json) return;
      if (answersToLog) log.info(line);
      else write(line);
    },
    list(line) {
      // The same terminal has said it already, when it happened.
      if (!json && !answersToLog && !(isWatched && stdout.isTTY === true)) write(line);
    },
    answer(document) {
      if (json)
        write(stdout.isTTY === true ? printableJson(JSON.stringify(document)) : JSON.stringify(document));
    },
    remark(line) {
      if (isWatched) screen.write(`${printable(line)}\n`);
      else log.info(line);
    },
    fail(error) {
      progress.settle();
      if (!isWatched) return logError(error, log);
      screen.write(`${paint.bad("error:")} ${printable(textOf(error))}\n`);
      return exitCodeOf(error);
    },
  };
}

/** The levels at which a run is told as it goes. */
const told: ReadonlySet<string> = new Set(["trace", "debug", "info"]);

/** The entrypoint's listener for probes hears the same, where there is one. */
function together(listener: Listener, statusDescriptor: string | undefined): Listener {
  const listeners = [listener, keepHeapSmall];
  if (/^\d+$/.test(statusDescriptor ?? "")) listeners.push(createStatusPipe(Number(statusDescriptor)));
  return (event) => listeners.forEach((listen) => listen(event));
}

/** Thousands of migrations leave garbage that V8 would rather make room for: with 5,000 files that is 100 MB instead of 175. */
function keepHeapSmall(event: MigrationEvent): void {
  if (event.type !== "started" || event.index > 1 || event.total < 200) return;
  void import("node:v8").then(({ setFlagsFromString }) => setFlagsFromString("--semi-space-growth-factor=1"));
}
