import type * as z from "zod";
import { pathText, type Issue } from "./issue.ts";
import { serverDocument, type ServerDocument } from "./server-document.ts";

/** The document, or every way in which it breaks the official rules. */
export type Checked = { readonly document: ServerDocument } | { readonly issues: readonly Issue[] };

/** Checks a parsed server.json against the official rules alone. */
export function checkOfficialRules(value: unknown): Checked {
  const result = serverDocument.safeParse(value, { error: sentence });
  if (result.success) return { document: value as ServerDocument };
  return {
    issues: result.error.issues.map(({ path, message }) => ({
      type: "schema",
      path: pathText(path),
      message,
      severity: "error",
    })),
  };
}

/** What the rule asks for, where the schema itself has no words of its own for it. */
function sentence(issue: z.core.$ZodRawIssue): string | undefined {
  if (issue.code === "invalid_type") {
    if (issue.input === undefined) return "is required";
    return `must be ${issue.expected === "array" ? "an array" : issue.expected === "object" || issue.expected === "record" ? "an object" : `a ${issue.expected}`}`;
  }
  if (issue.code === "invalid_value") return `must be ${oneOf(issue.values)}`;
  if (issue.code === "invalid_union") {
    const { input, options } = issue as { input?: unknown; options?: readonly unknown[] };
    if (typeof input !== "object" || input === null || Array.isArray(input)) return "must be an object";
    return options === undefined ? "is of no known type" : `must be ${oneOf(options)}`;
  }
  return undefined;
}

function oneOf(values: readonly unknown[]): string {
  return values.map((value) => JSON.stringify(value)).join(" or ");
}
