import type { ServerStatus } from "./statement-types.ts";

export type { ServerStatus } from "./statement-types.ts";

/** What can be said about a version; deleted ones are kept and shown only to those who ask for them. */
export const serverStatuses = ["active", "deprecated", "deleted"] as const satisfies readonly ServerStatus[];

/** In characters (code points); the table holds no longer one. */
export const longestStatusMessage = 500;

const storable = new RegExp(`^[^\\0]{0,${longestStatusMessage}}$`, "su");

/** Whether the text can be stored as the reason for a status: at most 500 characters, without NUL. */
export function isStatusMessage(text: string): boolean {
  return storable.test(text);
}
