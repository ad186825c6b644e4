import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { Ajv2020, type ErrorObject } from "ajv/dist/2020.js";
import { findCommand } from "../../../scripts/migrate/commands.ts";
import { projectRoot } from "../../version.ts";

export const schemaFolder = join(projectRoot, "docs", "schemas");

/** Names of the schemas that are not a command's. */
export const sharedSchemas = ["definitions", "error"];

/** Names of all schemas, without their ending. */
export function schemaNames(): string[] {
  return readdirSync(schemaFolder).map((file) => file.replace(/\.json$/, ""));
}

let compiled: Ajv2020 | undefined;

function schemas(): Ajv2020 {
  if (compiled !== undefined) return compiled;
  // Moments are checked by their pattern; `format` tells it to readers.
  compiled = new Ajv2020({ strict: true, allErrors: true, allowUnionTypes: true, validateFormats: false });
  for (const name of schemaNames())
    compiled.addSchema(JSON.parse(readFileSync(join(schemaFolder, `${name}.json`), "utf8")) as object);
  return compiled;
}

/** What keeps a document from being the answer that the schema of this name describes; empty when nothing does. */
export function violations(schema: string, document: unknown): string[] {
  const validate = schemas().getSchema(`${schema}.json`);
  if (validate === undefined) return [`docs/schemas/${schema}.json is missing`];
  if (validate(document) === true) return [];
  return (validate.errors ?? []).map(describe);
}

function describe({ instancePath, message, params }: ErrorObject): string {
  return `${instancePath || "the document"} ${message} ${JSON.stringify(params)}`;
}

/**
 * Checks what `migrate` wrote to stdout: with `--json` exactly one document, which its published schema describes and
 * which agrees with the exit code. Every test that runs the program goes through here.
 *
 * @throws Error with all that is wrong
 */
export function assertAnswer(argv: readonly string[], code: number, stdout: string): void {
  const [word = "", ...rest] = argv;
  if (!rest.includes("--json") || rest.includes("--help") || rest.includes("-h")) return;
  const problems = problemsOf(word, code, stdout);
  if (problems.length > 0)
    throw new Error(`migrate ${argv.join(" ")} broke its contract:\n${problems.join("\n")}\n${stdout}`);
}

function problemsOf(word: string, code: number, stdout: string): string[] {
  if (!/^[^\n]+\n$/.test(stdout)) return ["stdout is not one line with one document"];
  const document = JSON.parse(stdout) as { error?: { exitCode?: number }; exitCode?: number };
  const schema = document.error === undefined ? (findCommand(word)?.name ?? "error") : "error";
  const said = document.error?.exitCode ?? document.exitCode;
  return [
    ...violations(schema, document),
    ...(said === undefined || said === code
      ? []
      : [`it says exit code ${said}, and the program ended with ${code}`]),
  ];
}
