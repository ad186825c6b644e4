import { execFileSync, spawnSync } from "node:child_process";
import { isParseFailure, splitStatements } from "../../migrate/statements.ts";
import { withTestSession, type TestDatabase } from "./test-database.ts";

/** How a script of `migrate sql` ended: the error it stopped at, if any. */
export interface ScriptEnd {
  readonly error: string | undefined;
}

/** One way to run a script. `skip` says why it cannot be done here. */
export interface ScriptRunner {
  readonly name: string;
  readonly skip: string | undefined;
  run(database: Pick<TestDatabase, "address" | "url">, script: string): Promise<ScriptEnd>;
}

/** Its statements through node-postgres, one after the other, as psql would send them. */
const withoutPsql: ScriptRunner = {
  name: "statement by statement",
  skip: undefined,
  run: async ({ address }, script) => {
    const statements = await splitStatements(script.replaceAll(/^\\set .*$/gm, ""));
    if (isParseFailure(statements)) throw new Error(`not SQL: ${statements.message}`);
    return await withTestSession(address, async ({ client }) => {
      for (const { text } of statements) {
        try {
          await client.query(text);
        } catch (error) {
          return { error: (error as Error).message };
        }
      }
      return { error: undefined };
    });
  },
};

/** What a user types. */
const psql: ScriptRunner = {
  name: "psql",
  skip: psqlIsHere() ? undefined : "psql is not installed",
  run: async ({ url }, script) => {
    const { status, stderr } = spawnSync("psql", ["--no-psqlrc", "--quiet", url], {
      input: script,
      encoding: "utf8",
      maxBuffer: 64 * 1024 * 1024,
      // An encoding that the script must not depend on.
      env: { PATH: process.env["PATH"], PGCLIENTENCODING: "LATIN1" },
    });
    return { error: status === 0 ? undefined : stderr };
  },
};

/** Every way that is possible here; what is not is said. */
export function scriptRunners(): readonly ScriptRunner[] {
  return [withoutPsql, psql].filter(({ name, skip }) => {
    if (skip !== undefined) process.stderr.write(`skipped: scripts through ${name}: ${skip}\n`);
    return skip === undefined;
  });
}

function psqlIsHere(): boolean {
  try {
    execFileSync("psql", ["--version"], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}
