import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createRequire } from "node:module";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { projectRoot } from "../../app/version.ts";

const here = createRequire(join(projectRoot, "package.json"));
const { starterOf } = here("./scripts/prepare/starter.cjs") as {
  starterOf: (name: string, text: string) => string;
};

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "headgate-starter-"));
  // Says on stderr what V8 makes of the code that was kept.
  writeFileSync(
    join(folder, "ask-v8.cjs"),
    `const vm = require("node:vm");
     vm.Script = class extends vm.Script {
       constructor(source, options) {
         super(source, options);
         console.error(options.cachedData === undefined ? "none" : this.cachedDataRejected ? "refused" : "taken");
       }
     };`,
  );
});
afterEach(() => rmSync(folder, { recursive: true }));

function writeProgram(body: string): void {
  const text = `(function(exports,require,module,__filename,__dirname,Import){${body}\n})`;
  writeFileSync(join(folder, "greet.bundle.cjs"), text);
  writeFileSync(join(folder, "greet.cjs"), starterOf("greet", text));
}

function run(preloaded: string, ...args: string[]): { code: number | null; stdout: string; stderr: string } {
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    ["--require", preloaded, join(folder, "greet.cjs"), ...args],
    { env: { COMPILED_FOLDER: folder }, encoding: "utf8" },
  );
  return { code: status, stdout, stderr };
}
const askV8 = (...args: string[]): ReturnType<typeof run> => run(join(folder, "ask-v8.cjs"), ...args);
const record = (...args: string[]): ReturnType<typeof run> =>
  run(join(projectRoot, "scripts", "prepare", "record-compiled.cjs"), ...args);
const keptFiles = (): string[] => readdirSync(folder).filter((file) => file.endsWith(".v8"));

describe("a program", () => {
  it("runs without kept code, and with what an earlier run has left of it", () => {
    writeProgram("function greet(name) { console.log(`hello ${name}`); } greet(process.argv[2]);");
    expect(askV8("anna")).toEqual({ code: 0, stdout: "hello anna\n", stderr: "none\n" });
    expect(record("bert")).toEqual({ code: 0, stdout: "hello bert\n", stderr: "" });
    expect(keptFiles()).toHaveLength(1);
    expect(askV8("carla")).toEqual({ code: 0, stdout: "hello carla\n", stderr: "taken\n" });
  });

  it("never runs the code of another text, not even of one that is as long", () => {
    writeProgram('console.log("one");');
    record();
    writeProgram('console.log("two");');
    expect(askV8()).toEqual({ code: 0, stdout: "two\n", stderr: "none\n" });
  });

  it("runs all the same when V8 refuses what was kept", () => {
    writeProgram('console.log("one");');
    record();
    writeFileSync(join(folder, keptFiles()[0]!), "not compiled code");
    expect(askV8()).toEqual({ code: 0, stdout: "one\n", stderr: "refused\n" });
  });

  it("imports without a word from Node, beside itself and by name", () => {
    writeFileSync(join(folder, "other.mjs"), 'export const word = "ok";');
    writeProgram(
      'Import("./other.mjs").then(async ({ word }) => console.log(word, typeof (await Import("node:os")).hostname));',
    );
    record();
    expect(askV8()).toEqual({ code: 0, stdout: "ok function\n", stderr: "taken\n" });
  });

  it("is not recorded when its run has changed V8's flags: no start would take that", () => {
    writeProgram('require("node:v8").setFlagsFromString("--no-opt");');
    const { code, stderr } = record();
    expect(code).not.toBe(0);
    expect(stderr).toContain("greet has changed V8's flags.");
    expect(keptFiles()).toEqual([]);
  });
});

describe("a bundle's imports", () => {
  // An ES module, which jest would have to transform: asked as a process of its own.
  const rewritten = (text: string): string => {
    const { stdout, stderr } = spawnSync(
      process.execPath,
      [
        "--input-type=module",
        "--eval",
        `import { withOwnImport } from ${JSON.stringify(join(projectRoot, "scripts", "prepare", "bundle.mjs"))};
         process.stdout.write(withOwnImport(process.argv[1]));`,
        text,
      ],
      { encoding: "utf8" },
    );
    return stdout || stderr;
  };

  it("go through the program, and methods of that name are left alone", () => {
    expect(rewritten('let a=await import("x");b.import(y);$import(z);')).toBe(
      'let a=await Import("x");b.import(y);$import(z);',
    );
  });

  it("are refused where the name is taken", () => {
    expect(rewritten("function Import(a){}")).toContain("has a function of its own that is called Import");
  });
});
