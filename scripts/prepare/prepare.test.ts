import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { projectRoot } from "../../app/version.ts";
import { startProgram, type ProgramEnd, type RunningProgram } from "../../app/test/support/run-program.ts";
import { waitForCondition } from "../../app/test/support/wait-for-condition.ts";

/**
 * Stands in for npm, as the network does not belong in a test: notes that it was called, waits while a file `wait` is
 * there, and installs links to what this project has.
 */
const npm = `
  const fs = require("node:fs");
  fs.appendFileSync("calls", process.argv.slice(2, 3).join(" ") + "\\n");
  const wait = () => {
    if (fs.existsSync("wait")) return setTimeout(wait, 20);
    if (fs.existsSync("fail")) {
      console.error(fs.readFileSync("fail", "utf8"));
      process.exit(7);
    }
    fs.rmSync("node_modules", { recursive: true, force: true });
    fs.mkdirSync("node_modules/@types", { recursive: true });
    for (const name of ["typescript", "@types/node", "undici-types"]) {
      const from = ${JSON.stringify(join(projectRoot, "node_modules"))} + "/" + name;
      if (fs.existsSync(from)) fs.symlinkSync(from, "node_modules/" + name);
    }
    const { packages } = JSON.parse(fs.readFileSync("package-lock.json", "utf8"));
    const here = Object.entries(packages).filter(([path, { optional }]) => path !== "" && !optional);
    fs.writeFileSync("node_modules/.package-lock.json", JSON.stringify({ packages: Object.fromEntries(here) }));
  };
  wait();
`;

let clone: string;

beforeEach(() => {
  clone = mkdtempSync(join(tmpdir(), "headgate prepare "));
  for (const file of [
    "tsconfig.json",
    "tsconfig.build.json",
    "scripts/prepare.mjs",
    "scripts/prepare",
    "package.json",
  ]) {
    cpSync(join(projectRoot, file), join(clone, file), {
      recursive: true,
      filter: (path) => !path.endsWith(".test.ts"),
    });
  }
  writeLock("1.0.0");
  write("npm/npm-cli.js", npm);
  write("npm/package.json", "{}"); // CommonJS
  write("app/one.ts", "export const one: number = 1;\n");
  write("scripts/two.ts", 'import { one } from "../app/one.ts";\nexport const two: number = one + 1;\n');
});

afterEach(() => rmSync(clone, { recursive: true, force: true }));

describe("prepare", () => {
  it("installs and compiles a fresh clone, and does and says nothing the next time", async () => {
    const first = await prepare();
    expect(first).toMatchObject({ code: 0, stdout: "" });
    expect(first.stderr).toBe("Installing the packages that package-lock.json names (npm ci) …\n");
    expect(existsSync(join(clone, "dist", "scripts", "two.js"))).toBe(true);
    await expect(prepare()).resolves.toEqual({ code: 0, signal: undefined, stdout: "", stderr: "" });
    expect(calls()).toEqual(["ci"]);
  });

  it("installs again when package-lock.json says something else, not when only its time changed", async () => {
    await prepare();
    utimesSync(join(clone, "package-lock.json"), new Date(), new Date());
    await prepare();
    expect(calls()).toEqual(["ci"]);
    writeLock("1.0.1");
    await prepare();
    expect(calls()).toEqual(["ci", "ci"]);
  });

  it("takes an installation that somebody made by hand, unless it lacks something", async () => {
    await prepare();
    rmSync(join(clone, "node_modules", ".headgate-lock-sha256"));
    await prepare();
    expect(calls()).toEqual(["ci"]);
    rmSync(join(clone, "node_modules", ".headgate-lock-sha256"));
    write("node_modules/.package-lock.json", JSON.stringify({ packages: {} }));
    await prepare();
    expect(calls()).toEqual(["ci", "ci"]);
  });

  it("compiles what was changed or added, and removes what lost its source", async () => {
    await prepare();
    write("app/one.ts", "export const one: number = 10;\n");
    write("app/deep/three.ts", "export const three: number = 3;\n");
    await prepare();
    expect(read("dist/app/one.js")).toContain("one = 10");
    expect(read("dist/app/deep/three.js")).toContain("three = 3");
    rmSync(join(clone, "app", "deep"), { recursive: true });
    await expect(prepare()).resolves.toMatchObject({ code: 0, stderr: "" });
    expect(readdirSync(join(clone, "dist", "app")).toSorted()).toEqual(["one.js", "one.js.map"]);
  });

  it("puts back a compiled file that somebody removed", async () => {
    await prepare();
    rmSync(join(clone, "dist", "app", "one.js"));
    await prepare();
    expect(read("dist/app/one.js")).toContain("one = 1");
  });

  it("shows what does not compile, each time until it is repaired", async () => {
    await prepare();
    write("app/one.ts", 'export const one: number = "1";\n');
    for (const attempt of [1, 2]) {
      const { code, stderr } = await prepare();
      expect({ attempt, code }).not.toEqual({ attempt, code: 0 });
      expect(stderr).toContain("app/one.ts(1,14): error TS2322");
      expect(stderr).toContain("The sources do not compile; see above.\n");
    }
    write("app/one.ts", "export const one: number = 1;\n");
    await expect(prepare()).resolves.toMatchObject({ code: 0, stderr: "" });
  });

  it("passes on npm's errors and its exit code, and says what to do about an absent network", async () => {
    write("fail", "npm error code ENOTFOUND");
    const { code, stderr } = await prepare();
    expect(code).toBe(7);
    expect(stderr).toContain("npm error code ENOTFOUND\n");
    expect(stderr).toContain("The package registry could not be reached: the first start needs the network");
    rmSync(join(clone, "fail"));
    await expect(prepare()).resolves.toMatchObject({ code: 0 });
  });

  it("refuses an old Node with a sentence", async () => {
    const old =
      "Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '20.18.3' } })";
    const { code, stderr } = await start(["--import", `data:text/javascript,${encodeURIComponent(old)}`])
      .ended;
    expect({ code, stderr }).toEqual({
      code: 2,
      stderr: `This needs Node.js 20.19 or newer; ${process.execPath} is 20.18.3.\n`,
    });
  });
});

describe("two prepares at once", () => {
  it("install once: the second waits for the first", async () => {
    write("wait", "");
    const first = start();
    await waitForCondition("npm", () => calls().length === 1);
    const second = start();
    await second.waitForOutput(`Another process (${first.pid}) is preparing this folder; waiting …`);
    rmSync(join(clone, "wait"));
    await expect(first.ended).resolves.toMatchObject({ code: 0 });
    await expect(second.ended).resolves.toMatchObject({ code: 0 });
    expect(calls()).toEqual(["ci"]);
  });

  it("the second takes over from a first that was killed, but not before its npm has ended", async () => {
    write("wait", "");
    const first = start();
    await waitForCondition("npm, known to the lock", () =>
      /pid.*pid/.test(read(".data/prepare.lock/owners")),
    );
    first.child.kill("SIGKILL"); // and not the group: npm lives on
    const second = start();
    await second.waitForOutput("is preparing this folder; waiting …");
    expect(calls()).toEqual(["ci"]);
    rmSync(join(clone, "wait"));
    await expect(second.ended).resolves.toMatchObject({ code: 0 });
    expect(existsSync(join(clone, "dist", "scripts", "two.js"))).toBe(true);
    expect(readdirSync(join(clone, ".data"))).toEqual([]);
  });

  it("a first that is told to stop takes its npm along and leaves no lock", async () => {
    write("wait", "");
    const first = start();
    await waitForCondition("npm, known to the lock", () =>
      /pid.*pid/.test(read(".data/prepare.lock/owners")),
    );
    first.kill("SIGTERM");
    await expect(first.ended).resolves.toMatchObject({ code: 143 });
    expect(readdirSync(join(clone, ".data"))).toEqual([]);
  });
});

function start(flags: readonly string[] = []): RunningProgram {
  return startProgram(process.execPath, {
    args: [...flags, join(clone, "scripts", "prepare.mjs")],
    cwd: clone,
    env: { npm_execpath: join(clone, "npm", "npm-cli.js") },
  });
}

async function prepare(): Promise<ProgramEnd> {
  return start().ended;
}

function write(name: string, text: string): void {
  mkdirSync(dirname(join(clone, name)), { recursive: true });
  writeFileSync(join(clone, name), text);
}

function writeLock(version: string): void {
  const packages = {
    "": { name: "clone" },
    "node_modules/needed": { version },
    "node_modules/for-another-platform": { version, optional: true },
  };
  write("package-lock.json", JSON.stringify({ packages }));
}

function read(name: string): string {
  return readFileSync(join(clone, name), "utf8");
}

function calls(): string[] {
  return existsSync(join(clone, "calls")) ? read("calls").trim().split("\n") : [];
}
