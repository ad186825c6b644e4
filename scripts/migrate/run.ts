import { closestTo } from "../../app/config/closest.ts";
import { loadConfig, loadLogSettings, loadSettings, type LoadOptions } from "../../app/config/load.ts";
import { codeOf } from "../../app/database/sqlstate.ts";
import { createLog, type Logger } from "../../app/log.ts";
import { AppError } from "../../app/errors.ts";
import { version } from "../../app/version.ts";
import { describeError, logError, reportError } from "../../app/exit-code.ts";
import type { Listener, MigrationEvent } from "../../app/migrate/events.ts";
import { parseArguments } from "./arguments.ts";
import type { CommandContext, Edges } from "./command.ts";
import { commands, findCommand } from "./commands.ts";
import { createEventLog } from "../../app/migration-log.ts";
import { watchDelivery } from "./delivery.ts";
import { createStatusPipe } from "./status-pipe.ts";
import { commandHelp, overview } from "./usage.ts";

/**
 * Runs the `migrate` program and returns its exit code. Never throws and never exits by itself. Whoever stops reading
 * the answer (`| head -1`) has what it wants; an answer that cannot be written otherwise is never a success.
 */
export async function runMigrate(argv: readonly string[], edges: Edges): Promise<number> {
  const delivery = watchDelivery(edges.stdout);
  // Nobody reading the log is no reason to stop a migration.
  watchDelivery(edges.stderr);
  const exitCode = await runAndReport(argv, edges);
  const failure = await delivery();
  if (failure === undefined || codeOf(failure) === "EPIPE") return exitCode;
  const message = `The answer could not be written to stdout: ${failure.message}. What was done stays done; \`migrate status\` shows it.`;
  const undelivered = reportError(new AppError("internal", message, { cause: failure }), edges.stderr);
  return exitCode === 0 ? undelivered : exitCode;
}

async function runAndReport(argv: readonly string[], edges: Edges): Promise<number> {
  const wantsJson = argv.includes("--json");
  // What goes wrong before the settings are read is said in plain words; after that it goes to the log.
  let log: Logger | undefined;
  try {
    return await dispatch(argv, edges, (created) => (log = created));
  } catch (error) {
    const reason: unknown = edges.signal.aborted ? edges.signal.reason : error;
    if (wantsJson) edges.stdout.write(`${JSON.stringify({ error: describeError(reason) })}\n`);
    return log === undefined ? reportError(reason, edges.stderr) : logError(reason, log);
  }
}

async function dispatch(
  argv: readonly string[],
  edges: Edges,
  onLog: (log: Logger) => void,
): Promise<number> {
  const [name, ...rest] = argv;
  if (name === undefined || name === "help" || name === "--help" || name === "-h") {
    const asked = name === "help" && rest[0] !== undefined ? findCommand(rest[0]) : undefined;
    (name === undefined ? edges.stderr : edges.stdout).write(
      asked === undefined ? overview(commands) : commandHelp(asked),
    );
    return name === undefined ? 2 : 0;
  }
  if (name === "--version" || name === "version") {
    edges.stdout.write(`headgate ${version}\n`);
    return 0;
  }
  const command = findCommand(name);
  if (command === undefined) throw unknownCommand(name);
  if (rest.includes("--help") || rest.includes("-h")) {
    edges.stdout.write(commandHelp(command));
    return 0;
  }
  const { positionals, flags, settings } = parseArguments(command, rest);
  const loadOptions: LoadOptions = { flags: settings, env: edges.env, purpose: "migrations" };
  const { logLevel, logFormat } = loadLogSettings(loadOptions);
  const log = createLog({
    level: logLevel,
    format: logFormat ?? (edges.stderr.isTTY ? "pretty" : "json"),
    stream: edges.stderr,
  });
  onLog(log);
  return await command.run(createContext(edges, loadOptions, log, { positionals, flags }));
}

function createContext(
  edges: Edges,
  loadOptions: LoadOptions,
  log: Logger,
  parsed: Pick<CommandContext, "positionals" | "flags">,
): CommandContext {
  const json = parsed.flags["json"] === true;
  const { env, stdout, stderr, signal } = edges;
  return {
    env,
    // Not copied: opening it is what costs.
    get stdin() {
      return edges.stdin;
    },
    stdout,
    stderr,
    signal,
    ...parsed,
    json,
    yes: parsed.flags["yes"] === true,
    config: () => loadConfig(loadOptions),
    settings: () => loadSettings(loadOptions),
    listener: listenerFor(log, edges.env["HEADGATE_STATUS_FD"]),
    say: (line) => {
      if (json) return;
      if (edges.env["HEADGATE_ANSWER"] === "log") log.info(line);
      else edges.stdout.write(`${line}\n`);
    },
    list: (line) => {
      if (!json && edges.env["HEADGATE_ANSWER"] !== "log") edges.stdout.write(`${line}\n`);
    },
    answer: (document) => {
      if (json) edges.stdout.write(`${JSON.stringify(document)}\n`);
    },
  };
}

/** The log hears everything; so does the entrypoint's listener for probes, where there is one. */
function listenerFor(log: Logger, statusDescriptor: string | undefined): Listener {
  const listeners: Listener[] = [createEventLog(log), keepHeapSmall];
  if (/^\d+$/.test(statusDescriptor ?? "")) listeners.push(createStatusPipe(Number(statusDescriptor)));
  return (event) => listeners.forEach((listener) => listener(event));
}

/** Thousands of migrations leave garbage that V8 would rather make room for: with 5,000 files that is 100 MB instead of 175. */
function keepHeapSmall(event: MigrationEvent): void {
  if (event.type !== "started" || event.index > 1 || event.total < 200) return;
  void import("node:v8").then(({ setFlagsFromString }) => setFlagsFromString("--semi-space-growth-factor=1"));
}

function unknownCommand(name: string): AppError {
  const names = commands.flatMap((command) => [command.name, ...(command.aliases ?? [])]);
  const closest = closestTo(name, names);
  return new AppError(
    "usage",
    `Unknown command "${name}"${closest === undefined ? "" : ` (did you mean ${closest}?)`}. \`migrate --help\` lists all.`,
  );
}
