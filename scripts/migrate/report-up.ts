import type { UpPlan, UpResult } from "../../app/migrate/up.ts";
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
  const current = newestOf(result);
  const applied = new Set(done.map(({ name }) => name));
  const deferred = plan.deferred.flatMap(({ name }) => (applied.has(name) ? [] : [name]));
  context.answer({
    outcome,
    applied: done,
    failed: failed === undefined ? null : { name: failed.name, error: describeError(failed.error) },
    pending:
      outcome === "planned" || outcome === "declined"
        ? plannedNames(plan)
        : [...(failed === undefined ? [] : [failed.name]), ...notTried],
    deferred,
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

/** The newest applied migration after the run: by its number, for a deferred one comes later than that says. */
function newestOf({ plan: { history }, done }: UpResult): string | null {
  const applied = [
    ...history.applied.map(({ file: { version, name } }) => ({ version, name })),
    ...history.ahead.map(({ version = 0n, name }) => ({ version, name })),
    ...done.map(({ version, name }) => ({ version: BigInt(version), name })),
  ];
  return (
    applied.reduce<(typeof applied)[number] | null>(
      (newest, each) => (newest === null || each.version > newest.version ? each : newest),
      null,
    )?.name ?? null
  );
}
