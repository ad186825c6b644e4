import { AppError } from "../../errors.ts";

/** Refuses to take over what this image cannot match. */
export function withoutFile(tool: string, unmatched: readonly string[]): AppError {
  return new AppError(
    "history-conflict",
    `${tool} has applied what this image has no file of: ${unmatched.slice(0, 5).join(", ")}${unmatched.length > 5 ? ` and ${unmatched.length - 5} more` : ""}. ` +
      `Add the files under the same numbers and names, or say how far the schema is: migrate baseline VERSION --adopt ${tool}.`,
  );
}
