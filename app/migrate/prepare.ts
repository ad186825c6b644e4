import { basename } from "node:path";
import type { MigrationFile } from "./files.ts";
import { parseDirectives, type Directives } from "./directives.ts";
import type { KnownMigration } from "./history.ts";
import { readMigrationText, readPlainChecksums, type MigrationText } from "./migration-text.ts";
import { describeMarks, findSectionMarks } from "./section-marks.ts";
import { isWrapped, mayChooseModes, readTransactionModes } from "./transaction-modes.ts";
import { holdsDown, mayRevert, ownText } from "./section-text.ts";
import { onlyChangesRows } from "./only-changes-rows.ts";
import { findPsqlText, mayBePsqlText } from "./psql-text.ts";
import {
  isBlank,
  isParseFailure,
  largestParsed,
  parseStatements,
  splitStatements,
  type ParsedStatement,
  type ParseFailure,
  type Statement,
} from "./statements.ts";

/** A migration that was read and found fit to run in one direction. */
export interface PreparedMigration {
  readonly file: KnownMigration;
  readonly direction: "up" | "down";
  /** The file that the text stands in, for messages. */
  readonly path: string;
  readonly text: string;
  /** The text as it stands in the file, for the ledger: `text` lacks a BEGIN and COMMIT around the whole. Of a file that
   * holds both directions, this one's section. */
  readonly source: string;
  readonly directives: Directives;
  /** What stands behind BEGIN, with a space before it, or nothing: ` ISOLATION LEVEL SERIALIZABLE`. */
  readonly transactionModes?: string;
  /** The statements, where they are run one by one. */
  readonly statements: readonly Statement[] | undefined;
  /** A syntax error in a migration that must be split: it fails when its turn comes. */
  readonly parseFailure: ParseFailure | undefined;
  /** lock_timeout does not apply: the text only changes rows or validates, and keeps no reader waiting. */
  readonly keepsNobodyWaiting: boolean;
  /** Sentences for a person; none of them stops the run. */
  readonly warnings: readonly string[];
}

/** What the history needs of the files of a folder. A file that cannot be read or decoded is added to `problems`. */
export function readChecksums(files: readonly MigrationFile[], problems: string[]): KnownMigration[] {
  const checksums = readPlainChecksums(
    files.map(({ upPath }) => upPath),
    "deferred",
    files.some(({ kind, downPath }) => kind === "sql" && downPath === undefined) ? mayRevert : undefined,
  );
  if (checksums !== undefined) return files.map((file, index) => toKnown(file, checksums[index]!, false));
  const known: KnownMigration[] = [];
  for (const file of files) {
    const content = readMigrationText(file.upPath);
    if (typeof content === "string") {
      problems.push(content);
      continue;
    }
    const { text, checksum } = content;
    // What is wrong with the directives is reported when the migration is prepared.
    const deferred =
      text.includes("deferred") &&
      parseDirectives(ownText(file, "up", text), file.kind, file.name, []).deferred;
    known.push(toKnown(withDown(file, text), checksum, deferred));
  }
  return known;
}

/** The file with itself as its down where it holds both directions in node-pg-migrate's own form. */
export function withDown(file: MigrationFile, text: string): MigrationFile {
  return file.kind === "sql" && file.downPath === undefined && holdsDown(text)
    ? { ...file, downPath: file.upPath }
    : file;
}

/** Member by member, since spreading costs more and every start makes one for each file. */
function toKnown(file: MigrationFile, checksum: string, deferred: boolean): KnownMigration {
  const { version, versionText, name, kind, upPath, downPath } = file;
  return { version, versionText, name, kind, upPath, downPath, checksum, deferred };
}

/**
 * Reads one direction of a migration and checks all that can be known before anything runs. What makes it unusable is
 * added to `problems`.
 */
export async function prepareMigration(
  file: KnownMigration,
  direction: "up" | "down",
  path: string,
  problems: string[],
): Promise<PreparedMigration | undefined> {
  const content = readMigrationText(path);
  if (typeof content === "string") {
    problems.push(content);
    return undefined;
  }
  return await prepareText(file, direction, path, content, problems);
}

/** The same for a text that does not come from this image's folder. */
export async function prepareText(
  file: KnownMigration,
  direction: "up" | "down",
  path: string,
  { text: whole }: Pick<MigrationText, "text">,
  problems: string[],
): Promise<PreparedMigration> {
  const fileName = basename(path);
  const text = ownText(file, direction, whole);
  const directives = parseDirectives(text, file.kind, fileName, problems);
  const base = {
    transactionModes: "",
    file,
    direction,
    path,
    source: text,
    directives,
    statements: undefined,
    parseFailure: undefined,
    keepsNobodyWaiting: file.kind === "sql" && (await onlyChangesRows(text)),
    warnings: [] as string[],
  };
  if (file.kind === "code") {
    if (directives.repeatUntilZero !== undefined)
      problems.push(`${fileName}: repeat-until-zero is for SQL; in code, write the loop.`);
    return { ...base, text };
  }
  if (!directives.allow.has("section-mark")) {
    const names = { up: `${file.name}.up.sql`, down: `${file.name}.down.sql` };
    const twoWays = describeMarks(fileName, direction, await findSectionMarks(text), names);
    if (twoWays !== undefined) {
      problems.push(twoWays);
      return { ...base, text };
    }
  }
  if (text.length > largestParsed) {
    if (directives.noTransaction) {
      problems.push(
        `${fileName}: a no-transaction migration may have ${largestParsed / 1024} KiB of text; split it.`,
      );
    }
    return { ...base, text };
  }
  if (!directives.noTransaction && !needsParser(text)) {
    return { ...base, text, warnings: isBlank(text) ? [`${fileName} holds no statement.`] : [] };
  }
  // The trees take many times the memory of the text, and nearly no file needs them.
  const statements =
    mayChooseModes(text) || mayControl(text) ? await parseStatements(text) : await splitStatements(text);
  const onlyInPsql = findPsqlText(fileName, text, statements);
  if (onlyInPsql.length > 0) {
    problems.push(...onlyInPsql);
    return { ...base, text };
  }
  if (isParseFailure(statements)) return { ...base, text, parseFailure: statements };
  if (statements.length === 0) base.warnings.push(`${fileName} holds no statement.`);
  if (directives.repeatUntilZero !== undefined && statements.length !== 1) {
    problems.push(
      `${fileName}: repeat-until-zero needs exactly one statement, this file has ${statements.length}.`,
    );
  }
  if (statements.length > 0 && statements.every(({ validates }) => validates)) base.keepsNobodyWaiting = true;
  for (const { concurrently, line } of statements) {
    if (concurrently?.action !== "create" || concurrently.index !== undefined || !directives.noTransaction)
      continue;
    problems.push(
      `${fileName}:${line}: name the index; without a name, what an interrupted build leaves behind could not be told from other indexes.`,
    );
  }
  // COMMIT PREPARED is about another transaction, and runs outside one.
  const controls = statements.filter(
    ({ endsTransaction, node, outsideTransaction }) =>
      endsTransaction || (node === "TransactionStmt" && outsideTransaction && !directives.noTransaction),
  );
  const parsed = statements.filter(isParsed);
  const { modes, leftOut, problems: refused } = readTransactionModes(parsed, !directives.noTransaction);
  problems.push(...refused.map((problem) => `${fileName}:${problem}`));
  if (controls.length === 0) {
    const split = directives.noTransaction ? statements.map(withoutTree) : undefined;
    return { ...base, text: blankOut(text, leftOut), transactionModes: modes, statements: split };
  }
  if (!directives.noTransaction && controls.length === 2 && isWrapped(parsed)) {
    const already =
      modes === ""
        ? "the migration has a transaction already"
        : `the migration's own transaction has${modes}`;
    base.warnings.push(
      `${fileName} brings its own BEGIN and COMMIT (lines ${controls[0]!.line} and ${controls[1]!.line}); they are left out, ${already}.`,
    );
    const own = [...controls, ...leftOut];
    return { ...base, text: blankOut(text, own), transactionModes: modes };
  }
  problems.push(
    `${fileName} controls transactions by itself (line ${controls.map(({ line }) => line).join(", ")}); what it commits could not be rolled back or recorded. ` +
      "Remove BEGIN, COMMIT and ROLLBACK; every migration runs in one transaction, or statement by statement with `-- migrate: no-transaction`.",
  );
  return { ...base, text };
}

/** Whether a text may hold what only the parser can judge. Most migrations have none of these words. */
function needsParser(text: string): boolean {
  return (
    mayBePsqlText(text) || /\bvalidate\s+constraint\b/i.test(text) || mayControl(text) || mayChooseModes(text)
  );
}

function mayControl(text: string): boolean {
  return /\b(?:begin|commit|rollback|abort|end|start\s+transaction|prepare\s+transaction)\b/i.test(text);
}

/** Whether a file has anything to run; one that cannot be read counts as if it had. */
export function holdsStatement({ upPath, kind }: Pick<MigrationFile, "upPath" | "kind">): boolean {
  if (kind === "code") return true;
  const content = readMigrationText(upPath);
  return typeof content === "string" || !isBlank(content.text);
}

function isParsed(statement: Statement | ParsedStatement): statement is ParsedStatement {
  return "tree" in statement;
}

function withoutTree(statement: Statement | ParsedStatement): Statement {
  if (!isParsed(statement)) return statement;
  const { tree: _, ...rest } = statement;
  return rest;
}

/** Spaces instead of the statements, so that every other place in the file keeps its line and column. */
function blankOut(text: string, statements: readonly Statement[]): string {
  let result = text;
  for (const { offset, text: statement } of statements) {
    const blank = statement.replaceAll(/[^\r\n]/g, " ");
    result =
      result.slice(0, offset) + blank + result.slice(offset + statement.length).replace(/^(\s*);/, "$1 ");
  }
  return result;
}
