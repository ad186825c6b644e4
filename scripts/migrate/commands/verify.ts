import { addressOfUrl } from "../../../app/config/load.ts";
import type { DatabaseAddress } from "../../../app/config/settings.ts";
import { describeError, exitCodeOf } from "../../../app/exit-code.ts";
import { placeOf } from "../../../app/database/preflight.ts";
import type { VerifyResult } from "../../../app/migrate/verify/verify.ts";
import { isFinding, type Verdict } from "../../../app/migrate/verify/verdict.ts";
import type { Verification } from "../../../app/migrate/verify/verification.ts";
import { versionNumber } from "../arguments.ts";
import type { Command, CommandContext } from "../command.ts";
import { table, type TableRow } from "../table.ts";
import { countOf, seconds } from "../words.ts";

export const verify: Command = {
  name: "verify",
  summary:
    "try every migration up, down and up again on a scratch database; exit 3 when a down is not faithful",
  description:
    "Each migration is applied, reverted and applied again, and the catalogue of the whole schema is compared in between: a down that leaves something behind or takes too much is named with the difference, so is one that is missing or fails. The scratch database is made beside the configured one, or is the empty one that `--scratch-url` names; nothing is left in either, also when the run is interrupted. The configured database itself is only asked for its version.\n\nA migration that changes the whole server, such as CREATE ROLE, is not tried beside others, and is said to be `cluster-wide`.",
  flags: {
    "scratch-url": {
      value: "URL",
      description: "an empty database to use (MIGRATE_SCRATCH_URL); without it one is made and dropped",
    },
    to: { value: "VERSION", description: "none above this version" },
  },
  exitCodes: [
    [3, "a down is missing, fails or is not faithful"],
    4,
    [6, "a migration could not be applied at all"],
    7,
    [8, "no scratch database can be made, or the database refused us"],
  ],
  example: "migrate verify",
  examples: ["migrate verify --to 000012", 'migrate verify --scratch-url "$SCRATCH_URL" --json'],
  async run(context) {
    const { flags, signal, listener } = context;
    const settings = context.settings();
    const url = typeof flags["scratch-url"] === "string" ? flags["scratch-url"] : settings.scratchUrl;
    const scratch = url === undefined ? undefined : addressOfUrl(url, "--scratch-url");
    const { verifyMigrations } = await import("../../../app/migrate/verify/verify.ts");
    const result = await verifyMigrations(settings, {
      configured: configuredDatabase(context, scratch),
      scratch,
      to: typeof flags["to"] === "string" ? versionNumber(verify, "--to", flags["to"]) : undefined,
      signal,
      listener,
    });
    await report(context, result);
    if (result.failed !== undefined) return exitCodeOf(result.failed.error);
    return result.outcome === "faithful" ? 0 : 3;
  },
};

/** With a scratch database of somebody else's, none needs to be configured. */
function configuredDatabase(
  context: CommandContext,
  scratch: DatabaseAddress | undefined,
): DatabaseAddress | undefined {
  try {
    return context.config().migrationDatabase;
  } catch (error) {
    if (scratch === undefined) throw error;
    return undefined;
  }
}

const heads = ["VERSION", "NAME", "RESULT", "TOOK"];

async function report(
  context: CommandContext,
  { outcome, server, migrations, failed }: VerifyResult,
): Promise<void> {
  context.answer({
    outcome,
    server,
    migrations,
    failed: failed === undefined ? null : { name: failed.name, error: describeError(failed.error) },
  });
  for (const line of await table(heads, migrations.map(row))) context.say(line);
  context.say(
    `${countOf(migrations.length, "migration")}: ${counts(migrations)}. PostgreSQL ${server.version} at ${placeOf(server)}${comparison(server)}.`,
  );
}

function row(verification: Verification): TableRow {
  const { version, name, verdict, problems, notes, ranMs } = verification;
  return {
    cells: [version, name.replace(/^\d+_/, ""), verdict, verdict === "not-tried" ? "" : seconds(ranMs)],
    notes: [...problems, ...notes].map((text) => text.split("\n")),
  };
}

function counts(migrations: readonly Verification[]): string {
  const byVerdict = new Map<Verdict, number>();
  for (const { verdict } of migrations) byVerdict.set(verdict, (byVerdict.get(verdict) ?? 0) + 1);
  // What is to be looked at last, where the eye is.
  const rows = [...byVerdict].toSorted(
    ([a], [b]) => Number(isFinding({ verdict: a })) - Number(isFinding({ verdict: b })),
  );
  return rows.map(([verdict, count]) => `${count} ${verdict}`).join(", ");
}

function comparison({ configured, otherMajor }: VerifyResult["server"]): string {
  if (!("version" in configured))
    return `; the server of the configured database is not known (${configured.unknownBecause})`;
  if (otherMajor === false) return ", the major version of the configured database";
  return `; the configured database runs ${configured.version}, another major version`;
}
