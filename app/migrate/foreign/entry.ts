import { AppError } from "../../errors.ts";

/** One thing that another tool's table says is applied. */
export interface Entry {
  /** As that tool writes it; for messages. */
  readonly label: string;
  /** Its number, where it has one that is whole. */
  readonly version?: bigint | undefined;
  /** The name as a file of this folder would have it, without ending. */
  readonly name?: string | undefined;
  /** What the name says beside the number. A short number with another word is another migration. */
  readonly word?: string | undefined;
  /** The word alone tells the migration: the tool gives no numbers. */
  readonly byWord?: boolean;
  /** SHA-256 of the file, in hexadecimal. */
  readonly hash?: string | undefined;
  /** Everything up to this number is applied. */
  readonly upTo?: boolean;
  /** The number needs no file here. */
  readonly optional?: boolean;
}

export type Row = Readonly<Record<string, unknown>>;

/** What is applied by another tool's table, and what a person should know of what is not taken over. */
export interface ForeignState {
  readonly entries: readonly Entry[];
  readonly notes: readonly string[];
}

/** Where a tool's table was found. */
export interface FoundTable {
  readonly schema: string;
  readonly name: string;
}

/** Reads the rows of another table in the same schema; undefined where there is none. */
export type ReadBeside = (name: string) => Promise<readonly Row[] | undefined>;

export type Reader = (rows: readonly Row[], beside: ReadBeside) => ForeignState | Promise<ForeignState>;

/** Refuses a history that the tool itself must put in order first. */
export function notClean(tool: string, what: string, advice: string): AppError {
  return new AppError(
    "history-conflict",
    `The history of ${tool} ${what}; ${advice}. Nothing was taken over.`,
  );
}

export function text(row: Row, column: string): string {
  const value = row[column];
  return typeof value === "string" ? value : String(value);
}

/** A whole number, also as `007` or `3.0`; undefined for any other. */
export function wholeNumber(digits: string): bigint | undefined {
  const whole = /^(\d{1,40})(?:\.0+)*$/.exec(digits)?.[1];
  return whole === undefined ? undefined : BigInt(whole);
}

const endings = /\.(?:sql|[cm]?[jt]sx?|py|rb|go|php|coffee|mjs)$/i;

/** An entry for the name of a file, with or without ending: `/20240101-add_users.up.sql`. */
export function named(name: string): Entry {
  const bare = name
    .replace(/^.*[/\\]/, "")
    .replace(endings, "")
    .replace(/\.up$/i, "");
  const [, digits, word] = /^(\d+)(.*)$/s.exec(bare) ?? [];
  return {
    label: name,
    name: bare,
    version: digits === undefined ? undefined : wholeNumber(digits),
    word,
  };
}

export function numbered(version: string, word?: string): Entry {
  return { label: version, version: wholeNumber(version), word };
}

/** A word without what tools write differently: `Add-users` is `add_users`. */
export function plainWord(word: string): string {
  return word.toLowerCase().replace(/[^\p{L}\p{N}]/gu, "");
}
