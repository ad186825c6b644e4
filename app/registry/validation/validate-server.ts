import { AppError } from "../../errors.ts";
import { depthOf, repeatedMember } from "../raw-member.ts";
import { pathText, type Issue } from "./issue.ts";
import { checkOfficialRules } from "./official-rules.ts";
import { checkRegistryRules } from "./registry-rules.ts";
import type { ServerDocument } from "./server-document.ts";

/** What there is to say about a text that should be a server.json. */
export interface Validation {
  /** No issue is an error. */
  readonly valid: boolean;
  readonly issues: readonly Issue[];
  /** There when the official rules are kept. */
  readonly document?: ServerDocument;
}

const deepest = 100;

/**
 * Every issue of a server.json that somebody wants to publish: the official rules first; the registry's own where those
 * are kept.
 *
 * @throws AppError `invalid-request` when the text is not JSON
 */
export function validateServer(text: string): Validation {
  const value = parseJson(text);
  // First, so that nothing after it can run out of stack.
  if (depthOf(text) > deepest) return refused([jsonError("", `must not be nested deeper than ${deepest}`)]);
  const issues: Issue[] = [...nulIssues(value, [])];
  const repeated = repeatedMember(text);
  // Readers disagree on which of two counts, so what was checked might not be what is seen.
  if (repeated !== undefined) {
    issues.push(jsonError("", `must not have the member ${JSON.stringify(repeated)} twice in one object`));
  }
  const checked = checkOfficialRules(value);
  if ("issues" in checked) return refused([...issues, ...checked.issues]);
  issues.push(...checkRegistryRules(checked.document));
  return {
    valid: !issues.some(({ severity }) => severity === "error"),
    issues,
    document: checked.document,
  };
}

/** The name that a server.json gives itself, right or wrong; undefined: it gives none. */
export function nameIn(text: string): string | undefined {
  const value = parseJson(text) as { name?: unknown } | null;
  return typeof value?.name === "string" ? value.name : undefined;
}

/** @throws AppError `invalid-request` */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new AppError("invalid-request", `The body is not JSON: ${(error as Error).message}.`, {
      cause: error,
    });
  }
}

function refused(issues: readonly Issue[]): Validation {
  return { valid: false, issues };
}

function jsonError(path: string, message: string): Issue {
  return { type: "json", path, message, severity: "error" };
}

/** PostgreSQL's text holds no NUL, and no reader expects one. */
function* nulIssues(value: unknown, steps: readonly PropertyKey[]): Generator<Issue> {
  if (typeof value === "string") {
    if (value.includes("\0")) yield jsonError(pathText(steps), "must not hold a NUL character");
  } else if (typeof value === "object" && value !== null) {
    for (const [key, member] of Object.entries(value)) {
      const inner = [...steps, Array.isArray(value) ? Number(key) : key];
      if (key.includes("\0")) yield jsonError(pathText(inner), "must not have a NUL character in its name");
      yield* nulIssues(member, inner);
    }
  }
}
