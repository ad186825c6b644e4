import { pino, type Logger } from "pino";
import { printable, printableLine } from "./printable.ts";

export type { Logger } from "pino";

export interface LogOptions {
  readonly level: string;
  readonly format: "json" | "pretty";
  readonly stream: { write(text: string): unknown };
  /** Fields that every line carries. */
  readonly fields?: Readonly<Record<string, unknown>>;
}

/** A logger that writes one line per message to `stream`: JSON with an ISO time, or text for people. */
export function createLog({ level, format, stream, fields = {} }: LogOptions): Logger {
  const destination =
    format === "json"
      ? stream
      : { write: (line: string) => stream.write(prettyLine(JSON.parse(line) as LogRecord)) };
  return pino(
    {
      level,
      base: fields,
      timestamp: () => `,"time":"${new Date().toISOString()}"`,
      formatters: { level: (label) => ({ level: label }) },
      messageKey: "message",
      errorKey: "error",
    },
    destination,
  );
}

interface LogRecord {
  readonly level: string;
  readonly time: string;
  readonly message?: string;
  readonly [field: string]: unknown;
}

/** `12:00:01.234 warn  message  key=value`, with an error's stack below it. */
function prettyLine({ level, time, message = "", ...fields }: LogRecord): string {
  const { error, ...rest } = fields;
  const shown = Object.entries(rest).map(
    ([key, value]) => ` ${key}=${printableLine(typeof value === "string" ? value : JSON.stringify(value))}`,
  );
  const stack = (error as { stack?: string } | undefined)?.stack;
  return `${time.slice(11, 23)} ${level.padEnd(5)} ${printable(message)}${shown.join("")}\n${stack ? `${printable(stack)}\n` : ""}`;
}
