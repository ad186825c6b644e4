import type { AppError } from "../../errors.ts";
import type { CatalogueReader } from "../catalogue/reader.ts";
import type { CatalogueEntry } from "../catalogue/read.ts";
import type { MigrationSession } from "../migration-session.ts";
import { prepareMigration, type PreparedMigration } from "../prepare.ts";
import type { RunContext } from "../run-context.ts";
import { runSteps, type Step } from "../run-steps.ts";
import { toStep } from "../up.ts";
import { findClusterWide, isHarmless, type ClusterWideUse } from "./cluster-wide.ts";
import { compareSchemas } from "./differences.ts";
import type { ScratchDatabase } from "./scratch-database.ts";
import { Findings, type Verification } from "./verification.ts";

export interface CheckContext {
  readonly run: RunContext;
  readonly database: MigrationSession;
  readonly reader: CatalogueReader;
  readonly scratch: ScratchDatabase;
}

export interface Checked {
  readonly verification: Verification;
  /** The schema with this migration; undefined where the database is in another state, and must be built anew. */
  readonly schema: readonly CatalogueEntry[] | undefined;
  /** Nothing can come behind it: it could not be applied. */
  readonly isEnd: boolean;
  /** Why it could not, where that is the migration's fault. */
  readonly failure: AppError | undefined;
}

/**
 * Applies a migration, reverts it and applies it again, as `up` and `down` would, and compares the schema in between.
 *
 * @param before the schema without it, as it is now
 */
export async function checkMigration(
  check: CheckContext,
  up: PreparedMigration,
  before: readonly CatalogueEntry[],
): Promise<Checked> {
  const { reader, scratch } = check;
  const { file, directives } = up;
  const findings = new Findings();
  const end = (schema?: readonly CatalogueEntry[]): Checked => ({
    verification: findings.result(file),
    schema,
    isEnd: false,
    failure: undefined,
  });

  const uses = await findClusterWide(up);
  const harmful = await findHarmful(scratch, uses);
  if (harmful !== undefined) {
    findings.add("cluster-wide", clusterWide(harmful));
    return { ...end(), isEnd: true };
  }
  if (uses.length > 0) scratch.roles.expect(up.source);
  const upStep = await toStep(check.database, up, { unfinished: [], openRedo: undefined });
  const failure = await runStep(check, upStep);
  if (failure !== undefined) {
    const existing =
      scratch.sharesServer && failure.details["sqlstate"] === "42710"
        ? uses.find(({ creates }) => creates)
        : undefined;
    if (existing !== undefined)
      findings.add("cluster-wide", `${clusterWide(existing)} (it exists there already)`);
    else findings.add("failing-up", failure.message);
    return { ...end(), isEnd: true, failure: existing === undefined ? failure : undefined };
  }
  const after = await reader.read();

  if (directives.irreversible !== undefined) {
    findings.add("irreversible", `cannot be checked: ${directives.irreversible}`);
    return end(after);
  }
  if (file.downPath === undefined) {
    findings.add(
      "missing",
      `has no down file; write ${file.name}.down.sql, or say \`-- migrate: irreversible REASON\``,
    );
    return end(after);
  }
  const filesProblems: string[] = [];
  const down = await prepareMigration(file, "down", file.downPath, filesProblems);
  if (down === undefined || filesProblems.length > 0) {
    findings.add("failing-down", filesProblems.join("\n"));
    return end(after);
  }
  const downHarmful = await findHarmful(scratch, await findClusterWide(down));
  if (downHarmful !== undefined) {
    findings.add("cluster-wide", clusterWide(downHarmful));
    return end(after);
  }
  const downFailure = await runStep(check, {
    migration: down,
    texts: { up: undefined, down: down.source },
    unfinished: undefined,
  });
  if (downFailure !== undefined) {
    findings.add("failing-down", downFailure.message);
    return end(await unlessChanged(check, after));
  }
  const reverted = compareSchemas(before, await reader.read());
  if (reverted.differences.length > 0)
    findings.add("lossy", "down is not the inverse of up:", reverted.differences);
  findings.note(reverted.notes.map((note) => `after down, ${note}`));

  const secondFailure = await runStep(check, upStep);
  if (secondFailure !== undefined) {
    findings.add("not-repeatable", `up fails after down: ${secondFailure.message}`);
    return end();
  }
  const again = await reader.read();
  const repeated = compareSchemas(after, again);
  findings.note(repeated.notes.map((note) => `after up again, ${note}`));
  if (repeated.differences.length === 0) return end(again);
  findings.add(
    "not-repeatable",
    "up after down makes another schema than the first time:",
    repeated.differences,
  );
  return end();
}

/** Why it failed; undefined when it did not. */
async function runStep({ run }: CheckContext, step: Step): Promise<AppError | undefined> {
  const { failed } = await runSteps(run, [step]);
  return failed?.error;
}

/** A migration that failed in its transaction has left nothing; one outside may have. */
async function unlessChanged(
  { run, reader }: CheckContext,
  schema: readonly CatalogueEntry[],
): Promise<readonly CatalogueEntry[] | undefined> {
  if (run.session.lostBecause() !== undefined) return undefined;
  const now = await reader.read();
  return compareSchemas(schema, now).differences.length === 0 ? now : undefined;
}

/** The first thing that must not be done on a server with other databases. */
async function findHarmful(
  { sharesServer, roles }: ScratchDatabase,
  uses: readonly ClusterWideUse[],
): Promise<ClusterWideUse | undefined> {
  if (!sharesServer || uses.length === 0) return undefined;
  const made = await roles.read();
  return uses.find((use) => !isHarmless(use, made));
}

function clusterWide({ object }: ClusterWideUse): string {
  return `${object} is a cluster-wide object and cannot be verified on the same server; use --scratch-url with a server of its own`;
}
