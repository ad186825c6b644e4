import { versionOf } from "../../app/migrate/ledger.ts";
import { newestOf, type UpPlan, type UpResult } from "../../app/migrate/up.ts";
import { describeError, exitCodeOf } from "../../app/exit-code.ts";
import type { CommandContext } from "./command.ts";
import { countOf, deferredSentence, seconds } from "./words.ts";

export function upExitCode({ failed, outcome }: UpResult): number {
  if (failed !== undefined) return exitCodeOf(failed.error);
  return outcome === "declined" ? 3 : 0;
}

/** What a plan would apply, in order. */
export function plannedNames({ steps }: UpPlan): string[] {
  return steps.map(({ migration }) => migration.file.name);
}

/** Says what a run of `up` or `deferred` did. */
export function reportUp(context: CommandContext, result: UpResult, nothing = "Nothing is pending"): void {
  const { outcome, plan, done, failed, notTried } = result;
  const current = newestApplied(result);
  const ran = new Set(done.map(({ name }) => name));
  const deferred = plan.deferred.filter(({ name }) => !ran.has(name));
  context.answer({
    outcome,
    applied: done,
    failed: failed === undefined ? null : { name: failed.name, error: describeError(failed.error) },
    pending:
      outcome === "planned" || outcome === "declined"
        ? plannedNames(plan)
        : [...(failed === undefined ? [] : [failed.name]), ...notTried],
    deferred: deferred.map(({ name }) => name),
    ahead: plan.history.ahead.map(({ name }) => name),
    current,
  });
  for (const { name, ranMs } of done) context.list(`applied ${name} (${seconds(ranMs)})`);
  const left = deferred.length === 0 ? "" : ` ${deferredSentence(deferred.length)}`;
  const ahead =
    plan.history.ahead.length === 0
      ? ""
      : ` The database is ${countOf(plan.history.ahead.length, "migration")} ahead of this image.`;
  switch (outcome) {
    case "up-to-date":
      return context.say(`${nothing}; the schema is at ${current ?? "its beginning"}.${ahead}${left}`);
    case "planned":
      for (const name of plannedNames(plan)) context.say(`would apply ${name}`);
      return context.say(`${countOf(plan.steps.length, "migration")} pending; nothing was touched.`);
    case "declined":
      return context.say("Nothing was touched.");
    case "applied":
      return context.say(
        `${countOf(done.length, "migration")} applied in ${seconds(done.reduce((sum, { ranMs }) => sum + ranMs, 0))}; the schema is at ${current}.${left}`,
      );
    case "failed":
      return context.say(
        `${countOf(done.length, "migration")} applied, ${failed!.name} failed${notTried.length === 0 ? "" : `, ${notTried.length} not tried`}; the schema is at ${current ?? "its beginning"}.`,
      );
  }
}

/** The name of the highest version that is applied now: not always the last one that ran, since deferred ones come late. */
function newestApplied({ plan: { newest, steps }, done }: UpResult): string | null {
  const names = new Set(done.map(({ name }) => name));
  const ran = steps.map(({ migration }) => migration.file).filter(({ name }) => names.has(name));
  const before = newest === null ? undefined : { name: newest, version: versionOf(newest) };
  return newestOf([before, ran.at(-1)]);
}
