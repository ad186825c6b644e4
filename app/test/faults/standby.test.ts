import { randomBytes } from "node:crypto";
import { chmodSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { startCluster, type Cluster } from "../../../scripts/embedded-postgres/cluster.ts";
import { createPool } from "../../database/pool.ts";
import { SnapshotReader } from "../../registry/snapshot.ts";
import { findFreePort } from "../support/free-port.ts";
import { runProgram, type ProgramEnd } from "../support/run-program.ts";
import { configOf } from "../support/test-database.ts";
import { environmentOf, writeMigrations } from "./support/scene.ts";
import { takeTurns } from "./support/take-turns.ts";

takeTurns("together");

const folder = join(tmpdir(), `headgate-faults-${randomBytes(8).toString("hex")}`);
let migrations: string;
let server: Cluster;

/** A server that was stopped, and told to follow another one that it never finds: it reads, and nothing more. */
beforeAll(async () => {
  migrations = writeMigrations({ "000001_first.up.sql": "CREATE TABLE first ()" });
  const options = { folder, port: await findFreePort(), durable: false };
  server = await startCluster(options);
  expect(await migrate("up", "--yes")).toMatchObject({ code: 0 });
  await server.stop();
  writeFileSync(join(folder, "data", "standby.signal"), "");
  // The server, which may run as somebody else, opens it for writing.
  chmodSync(join(folder, "data", "standby.signal"), 0o666);
  server = await startCluster(options);
});
afterAll(async () => {
  await server.stop();
  rmSync(folder, { recursive: true, force: true });
  rmSync(migrations, { recursive: true, force: true });
});

async function migrate(...args: string[]): Promise<ProgramEnd> {
  return await runProgram("migrate", {
    args,
    env: { ...environmentOf(server.url, migrations), WAIT_TIMEOUT: "1s" },
  });
}

describe("a hot standby", () => {
  it("is waited for, and then refused with 4 and in so many words", async () => {
    expect(await migrate("up", "--yes")).toMatchObject({
      code: 4,
      stderr: expect.stringMatching(/was not ready within 1 s: .*standby.*primary/),
    });
  });

  it("has no snapshot that would say whether an answer still holds", async () => {
    const pool = createPool(configOf(server.url), () => undefined);
    try {
      expect(await new SnapshotReader(pool).read()).toBeNull();
    } finally {
      await pool.end();
    }
  });

  it("will do for what only reads", async () => {
    expect(await migrate("status")).toMatchObject({
      code: 0,
      stdout: expect.stringContaining("1 migration applied, 0 pending"),
    });
  });
});
