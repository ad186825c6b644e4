import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { commands as migrateCommands } from "../../../scripts/migrate/commands.ts";
import { projectRoot } from "../../version.ts";
import {
  quotations,
  runElsewhere,
  runNowhere,
  scenesOfCommands,
  scenesOfTranscripts,
} from "../support/documented-commands.ts";
import { openStage, type Stage } from "../support/documented-stage.ts";
import { commandsOf, patternOf, plainCommand, typedLines } from "../support/documented-text.ts";
import { codeBlocks, documentNames, readDocument } from "../support/markdown.ts";
import type { ProgramEnd } from "../support/run-program.ts";

const blocks = documentNames().flatMap((name) => codeBlocks(name, readDocument(name)));
const shellBlocks = blocks.filter(({ language }) => language === "sh");
const documented = [
  ...shellBlocks.flatMap(({ text }) => commandsOf(text)),
  ...migrateCommands.flatMap(({ example, examples = [] }) => [example, ...examples].flatMap(commandsOf)),
].map(({ command, code }) => ({ command, plain: plainCommand(command), code }));

const readFile = (name: string): string => readFileSync(join(projectRoot, name), "utf8");
const isHere = (program: string): boolean => spawnSync(program, ["--version"]).status === 0;
const isRunHere = (plain: string): boolean => /^(?:\w+=\S* )*(?:migrate|registry|curl) /.test(plain);
/** Whether these commands ask the running service, or its database. */
const asksService = (script: string): boolean => /(?:^|\n|[ {])(?:registry|curl) /.test(script);

let stage: Stage;
beforeAll(async () => {
  stage = await openStage();
});
afterAll(() => stage.close());

async function run(plain: string): Promise<ProgramEnd> {
  if (asksService(plain)) return await stage.runBesideService(plain);
  const scene = scenesOfCommands.find(([pattern]) => pattern.test(plain))?.[1] ?? "head";
  return await stage.runIn(scene, plain, true);
}

describe("a command in the documents", () => {
  const here = new Map(
    documented.filter(({ plain }) => isRunHere(plain)).map((each) => [`${each.plain} ${each.code}`, each]),
  );
  const withoutCurl = isHere("curl") ? undefined : "curl is not installed";
  it.each([...here.values()].map(({ command, plain, code }) => [command, code, plain] as const))(
    "is run, and ends as they say: %s (%i)",
    async (command, code, plain) => {
      if (plain.startsWith("curl ") && withoutCurl !== undefined) {
        process.stderr.write(`skipped: ${command}: ${withoutCurl}\n`);
        return;
      }
      const [, before = plain, psql] = /^(.*?)( && psql .*)?$/.exec(plain)!;
      const whole = psql === undefined || isHere("psql");
      if (!whole) process.stderr.write(`skipped:${psql}: psql is not installed\n`);
      expect(await run(whole ? plain : before)).toMatchObject({ code });
    },
  );

  const notHere = documented.filter(({ plain }) => !isRunHere(plain)).map(({ command }) => command);
  const elsewhere = notHere.filter((typed) => !runNowhere.some(({ command }) => command.test(typed)));
  it.each([...new Set(elsewhere)])("is run by a test or a script that is named: %s", (command) => {
    const { file = "not listed", words = [] } = runElsewhere.find((each) => each.command.test(command)) ?? {};
    expect(file).not.toBe("not listed");
    const text = readFile(file);
    expect({ file, missing: words.filter((word) => !text.includes(word)) }).toEqual({ file, missing: [] });
  });

  it("is listed as run elsewhere only as long as a document has it", () => {
    const unused = [...runElsewhere, ...runNowhere].filter(
      ({ command }) => !notHere.some((typed) => command.test(typed)),
    );
    expect(unused.map(({ command }) => command.source)).toEqual([]);
  });

  it("is in package.json when it is npm's, and `npm run migrate` is the program itself", () => {
    const { scripts } = JSON.parse(readFile("package.json")) as { scripts: Record<string, string> };
    const named = blocks.flatMap(({ text }) =>
      [...text.matchAll(/npm run ([\w:-]+)/g)].map(([, name = ""]) => name),
    );
    expect(named.filter((name) => !(name in scripts))).toEqual([]);
    for (const name of ["migrate", "registry"])
      expect(scripts[name]).toMatch(new RegExp(`node dist/programs/${name}\\.cjs$`));
  });

  it("that Compose hands on is handed on in a test of the image", () => {
    expect(readFile("app/test/image/development-compose.test.ts")).toContain(
      'compose("exec", "-T", "app", "migrate", "status")',
    );
  });
});

describe("a transcript in the documents", () => {
  // "What it looks like" in the README has a test of its own.
  const transcripts = blocks.filter(
    ({ document, language }) => language === "console" && document !== "README.md",
  );
  it.each(
    transcripts.map(
      (block) => [block.document, block.heading, typedLines(block)[0]!.command, block] as const,
    ),
  )("shows what the commands print: %s, %s: %s", async (_document, heading, _command, block) => {
    const typed = typedLines(block);
    if (block.text.includes("$ curl ") && !isHere("curl")) {
      process.stderr.write(`skipped: a transcript of ${heading}: curl is not installed\n`);
      return;
    }
    const script = typed
      .map(({ command }) => `{ ${command}\n} 2>&1; code=$?; echo "<end $code>"; (exit $code)`)
      .join("\n");
    const scene = scenesOfTranscripts[heading];
    const { stdout } =
      scene === undefined && asksService(script)
        ? await stage.runBesideService(script)
        : await stage.runIn(scene ?? "head", script, false);
    const printed = [...stdout.matchAll(/([^]*?)<end (\d+)>\n/g)];
    expect(printed).toHaveLength(typed.length);
    for (const [index, { command, code, output }] of typed.entries()) {
      const [, text = "", exitCode] = printed[index]!;
      expect(text).toMatch(patternOf(output));
      // Where the transcript asks for the code itself, its output says it.
      const ended = Number(exitCode);
      expect({ command, code: ended }).toEqual({ command, code: code ?? ended });
    }
  });

  it("quotes messages of the code where only a fault test can make the scene", () => {
    const quoted = blocks.filter(
      ({ document, language }) => document === "docs/troubleshooting.md" && language === "text",
    );
    expect(quoted.map(({ text }) => text)).toEqual(quotations.map(({ quote }) => quote));
    for (const { quote, source, test, word } of quotations) {
      expect(readFile(source)).toContain(quote);
      expect(readFile(test)).toContain(word);
    }
  });

  it("is compared with a pattern that does not match everything", () => {
    expect("a 12 b. c").toMatch(patternOf("a … b.\n  c"));
    expect("a 12 bx c").not.toMatch(patternOf("a … b.\n  c"));
  });
});
