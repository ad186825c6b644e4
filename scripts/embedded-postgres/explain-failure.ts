import { readFileSync, statfsSync } from "node:fs";
import { dirname } from "node:path";
import { AppError, messageOf } from "../../app/errors.ts";

const enoughBytes = 32 * 1024 * 1024;

/** A sentence for a person about a folder that could not be written to, or passes on what it does not know. */
export function explainWriteFailure(error: unknown, folder: string): unknown {
  if (error instanceof AppError) return error;
  switch (errorCode(error)) {
    case "EACCES":
    case "EPERM":
    case "EROFS":
      return new AppError(
        "configuration",
        `${folder} cannot be written to (${messageOf(error)}). The embedded PostgreSQL keeps its data there: ` +
          `make the folder writable for ${userName()}, or set DATABASE_URL to a PostgreSQL that already runs.`,
        { cause: error },
      );
    case "ENOSPC":
    case "EDQUOT":
      return diskFull(folder, error);
    case "ENOTDIR":
    case "EEXIST":
    case "ENOTEMPTY":
      return new AppError(
        "configuration",
        `${folder} cannot be made: something else is in the way (${messageOf(error)}). ` +
          "The embedded PostgreSQL keeps its data there: move that away.",
        { cause: error },
      );
    default:
      return error;
  }
}

/** Why a program of PostgreSQL ended although it should not have, from its log and from the state of the disk. */
export function explainServerFailure(what: string, logFile: string, folder: string): AppError {
  const lines = lastLines(logFile);
  if (
    freeBytes(folder) < enoughBytes ||
    lines.some((line) => /No space left|Disk quota exceeded/i.test(line))
  ) {
    return diskFull(folder, new Error(lines.at(-1) ?? what));
  }
  const said = lines.length === 0 ? "" : ` It said:\n${lines.map((line) => `  ${line}`).join("\n")}`;
  return new AppError("configuration", `${what}${said}`);
}

function diskFull(folder: string, cause: unknown): AppError {
  return new AppError(
    "configuration",
    `The disk that holds ${folder} is full (${Math.floor(freeBytes(folder) / 1024 / 1024)} MB free). ` +
      "The embedded PostgreSQL needs about 100 MB and what your data needs: make room and start again; nothing is broken.",
    { cause },
  );
}

/** Of the disk that holds `folder`, or would. */
function freeBytes(folder: string): number {
  try {
    const { bavail, bsize } = statfsSync(folder);
    return bavail * bsize;
  } catch {
    return dirname(folder) === folder ? Number.POSITIVE_INFINITY : freeBytes(dirname(folder));
  }
}

/** The errors at the end of a server log, or its last lines. */
function lastLines(file: string): string[] {
  try {
    const lines = readFileSync(file, "utf8").trimEnd().split("\n").slice(-40);
    const errors = lines.filter((line) => /\b(FATAL|PANIC|ERROR|error|could not)\b/.test(line));
    return (errors.length > 0 ? errors : lines).slice(-5);
  } catch {
    return [];
  }
}

/** `ENOENT` and the like; empty for what is no error of the system. */
export function errorCode(error: unknown): string {
  return typeof error === "object" && error !== null && "code" in error ? String(error.code) : "";
}

function userName(): string {
  return process.getuid === undefined ? "you" : `user id ${process.getuid()}`;
}
