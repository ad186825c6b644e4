import { isAtLeast, severities } from "../../../app/migrate/lint/finding.ts";
import { usage, versionNumber } from "../arguments.ts";
import type { Command, CommandContext } from "../command.ts";
import { findingForAnswer, githubAnnotation, lintSummary, showFinding } from "../lint-output.ts";

const formats = ["text", "github"] as const;

export const lint: Command = {
  name: "lint",
  summary:
    "judge migrations without running them: unsafe DDL, names, directives; exit 3 when something is found",
  description:
    "Reads the files, asks nobody, runs nothing. Two judges look at each: rules of our own for this runner, and squawk for unsafe DDL. An error fails for certain; a warning makes readers or writers wait, or breaks clients; a note is a matter of style, or worth knowing. A file accepts a finding with `-- migrate: allow=RULE REASON`. docs/lint.md has every rule.\n\nFILES are versions, names or paths; without any, all are judged.",
  arguments: "[FILES]",
  manyArguments: true,
  flags: {
    "fail-on": {
      value: "SEVERITY",
      choices: severities.toReversed(),
      description: "exit 3 from this severity on: error, warning (the default) or note",
    },
    since: { value: "VERSION", description: "judge only what is newer than this version" },
    "server-version": {
      value: "N",
      description: "PostgreSQL's major version, 13 or newer; the newest unless given",
    },
    online: { description: "ask the database for its version" },
    format: {
      value: "FORMAT",
      choices: formats,
      description: "text, or github for annotations of a workflow",
    },
  },
  exitCodes: [
    [3, "something was found, from --fail-on on"],
    [4, "with --online: the database was not reachable in time"],
    [7, "the folder cannot be used at all"],
    [8, "with --online: the database refused us"],
  ],
  example: "migrate lint",
  examples: ["migrate lint --since 000120 --format github", "migrate lint 000012 --fail-on error"],
  async run(context) {
    const bar = choice(context, "fail-on", severities) ?? "warning";
    const format = choice(context, "format", formats) ?? "text";
    if (context.json && context.flags["format"] !== undefined)
      throw usage(lint, "--json and --format exclude each other.");
    const since = context.flags["since"];
    const { lintMigrations } = await import("../../../app/migrate/lint/lint-migrations.ts");
    const report = await lintMigrations(context.settings(), context.positionals, {
      since: typeof since === "string" ? versionNumber(lint, "--since", since) : undefined,
      serverVersion: await serverVersion(context),
      signal: context.signal,
    });
    const findings = report.migrations.flatMap((migration) => migration.findings);
    const exitCode = findings.some(({ severity }) => isAtLeast(severity, bar)) ? 3 : 0;
    context.answer({
      ok: exitCode === 0,
      exitCode,
      failOn: bar,
      serverVersion: report.serverVersion,
      files: report.files,
      counts: report.counts,
      migrations: report.migrations.map((migration) => ({
        ...migration,
        findings: migration.findings.map(findingForAnswer),
      })),
    });
    let lastFile: string | undefined;
    for (const finding of findings) {
      if (format === "github") context.say(githubAnnotation(finding, context.env["GITHUB_WORKSPACE"]));
      else {
        if (lastFile !== undefined && lastFile !== finding.file) context.say("");
        for (const line of showFinding(finding)) context.say(line);
      }
      lastFile = finding.file;
    }
    if (format === "text" && findings.length > 0) context.say("");
    context.say(lintSummary(report));
    return exitCode;
  },
};

/** The value of a flag that has choices. */
function choice<T extends string>(
  { flags }: CommandContext,
  flag: string,
  choices: readonly T[],
): T | undefined {
  return choices.find((one) => one === flags[flag]);
}

async function serverVersion(context: CommandContext): Promise<number | undefined> {
  const given = context.flags["server-version"];
  if (context.flags["online"] === true) {
    if (given !== undefined) throw usage(lint, "--online and --server-version exclude each other.");
    const { readServerVersion } = await import("../../../app/migrate/lint/server-version.ts");
    return await readServerVersion(context.config(), context);
  }
  if (typeof given !== "string") return undefined;
  const major = Number(/^([1-9]\d)(?:\.\d+)?$/.exec(given)?.[1] ?? 0);
  const { oldestServer } = await import("../../../app/migrate/lint/lint-migrations.ts");
  if (major < oldestServer)
    throw usage(
      lint,
      `--server-version must be PostgreSQL's major version, ${oldestServer} or newer, not "${given}".`,
    );
  return major;
}
