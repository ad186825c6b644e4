import type { Config } from "../../config/settings.ts";
import type { Session } from "../../database/session.ts";
import type { Finding } from "../lint/finding.ts";
import { lintMigrations, newestServer } from "../lint/lint-migrations.ts";
import type { Step } from "../run-steps.ts";

/** What `migrate lint` says of the files that would run, by the names of the migrations. */
export async function readLintFindings(
  config: Config,
  steps: readonly Step[],
  { serverVersion }: Session,
  signal: AbortSignal | undefined,
): Promise<ReadonlyMap<string, readonly Finding[]>> {
  if (steps.length === 0) return new Map();
  const { migrations } = await lintMigrations(
    config,
    steps.map(({ migration }) => migration.path),
    { serverVersion: Math.min(newestServer, Math.floor(serverVersion / 10_000)), signal },
  );
  return new Map(migrations.map(({ name, findings }) => [name, findings]));
}
