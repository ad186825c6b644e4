import { randomBytes } from "node:crypto";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable, Writable } from "node:stream";
import { startCluster, type Cluster } from "../../../../scripts/embedded-postgres/cluster.ts";
import { findFreePort } from "../../../../scripts/embedded-postgres/free-port.ts";
import { runMigrate } from "../../../../scripts/migrate/run.ts";
import { closeSession, openSession, type Session } from "../../../database/session.ts";
import { startProgram } from "../../support/run-program.ts";
import { configOf, maintain, urlOf } from "../../support/test-database.ts";
import { waitForCondition } from "../../support/wait-for-condition.ts";
import { baseFiles, gateClass, gateOf, nameOf, textOf, type ModelFile } from "./content.ts";
import { readSchema } from "./read-schema.ts";
import type { Performed } from "./reference.ts";

export type Blow = "kill" | "terminate" | "restart" | "crash";

/** What a command left: how it ended, and what a look at the database shows. */
export interface Seen {
  /** undefined: it was killed. */
  readonly code: number | undefined;
  readonly output: string;
  /** Whether it was struck, if it was to be. */
  readonly isStruck?: boolean;
}

export interface Looked {
  readonly names: readonly string[];
  readonly schema: string;
}

/** A bug that a negative control puts in, after a command has ended. */
export type Sabotage = (session: Session, argv: readonly string[]) => Promise<void>;

const template = "headgate_model";

/** The real thing: a PostgreSQL of its own, which may be restarted, and in it a database for each sequence of commands. */
export class Stage {
  readonly #folder = mkdtempSync(join(tmpdir(), "headgate-model-"));
  #cluster!: Cluster;
  #port!: number;
  #observer: Session | undefined;
  #database = "";
  #sabotage: Sabotage | undefined;

  static async open(sabotage?: Sabotage): Promise<Stage> {
    const stage = new Stage();
    stage.#sabotage = sabotage;
    stage.#port = await findFreePort();
    await stage.#start();
    await maintain(async (query) => void (await query(`CREATE DATABASE ${template}`)));
    const { code, output } = await stage.#run(template, ["up", "--yes"], stage.#write("base", []));
    if (code !== 0) throw new Error(`the base could not be applied:\n${output}`);
    // A copied sequence forgets after a crash what it gave out before its next WAL record: let that be the next number.
    stage.#database = template;
    for (const table of ["schema_migrations", "schema_migration_runs"]) {
      const { client } = await stage.#observe();
      await client.query(`SELECT setval(pg_get_serial_sequence('${table}', 'id'), max(id)) FROM ${table}`);
    }
    await stage.#stopObserving();
    stage.#database = "";
    return stage;
  }

  async close(): Promise<void> {
    await this.#leave();
    await this.#cluster.stop({ atOnce: AbortSignal.abort() });
    rmSync(this.#folder, { recursive: true, force: true });
  }

  async #start(): Promise<void> {
    this.#cluster = await startCluster({
      folder: join(this.#folder, "cluster"),
      port: this.#port,
      durable: false,
      // What was committed must be there after a crash, or the model would be wrong and not the runner.
      settings: { max_connections: "100", synchronous_commit: "on" },
    });
    process.env["HEADGATE_TEST_DATABASE_URL"] = this.#cluster.url;
  }

  async begin(): Promise<void> {
    await this.#leave();
    this.#database = `model_${randomBytes(5).toString("hex")}`;
    await maintain(
      async (query) => void (await query(`CREATE DATABASE ${this.#database} TEMPLATE ${template}`)),
    );
  }

  async #stopObserving(): Promise<void> {
    if (this.#observer !== undefined) await closeSession(this.#observer);
    this.#observer = undefined;
  }

  async #leave(): Promise<void> {
    await this.#stopObserving();
    if (this.#database === "") return;
    const database = this.#database;
    this.#database = "";
    await maintain(async (query) => void (await query(`DROP DATABASE IF EXISTS ${database} WITH (FORCE)`)));
  }

  async #observe(): Promise<Session> {
    this.#observer ??= await this.#session();
    return this.#observer;
  }

  async #session(): Promise<Session> {
    const session = await openSession(configOf(urlOf(this.#database)).database, "model", 10_000);
    await session.client.query("SET search_path = public");
    return session;
  }

  async look(): Promise<Looked> {
    return await readSchema(await this.#observe());
  }

  /** Runs a command on these files to its end, in this process. */
  async run(argv: readonly string[], files: readonly ModelFile[]): Promise<Seen> {
    return await this.#run(this.#database, argv, this.#write("folder", files));
  }

  async #run(database: string, argv: readonly string[], folder: string): Promise<Seen> {
    let output = "";
    const collect = (): Writable =>
      new Writable({
        write(chunk: Buffer, _encoding, done) {
          output += chunk.toString("utf8");
          done();
        },
      });
    const code = await runMigrate(argv, {
      env: environmentOf(urlOf(database), folder),
      stdin: Readable.from([]),
      stdout: collect(),
      stderr: collect(),
      signal: new AbortController().signal,
    });
    if (this.#sabotage !== undefined && database !== template)
      await this.#sabotage(await this.#observe(), argv);
    return { code, output };
  }

  /** Runs a command on these files, and strikes the runner, its session or the server at a moment that the model chose. */
  async strike(
    argv: readonly string[],
    files: readonly ModelFile[],
    { task, step, moment }: NonNullable<Performed["struck"]>,
    blow: Blow,
  ): Promise<Seen> {
    const folder = this.#write("folder", files);
    const gate = gateOf(task.content, task.direction, step);
    const [keeper, reader, writer] = [await this.#session(), await this.#session(), await this.#session()];
    const observer = await this.#observe();
    await keeper.client.query(`SELECT pg_advisory_lock(${gateClass}, ${gate})`);
    let ended: Seen | undefined;
    const program =
      blow === "kill"
        ? startProgram("migrate", { args: argv, env: environmentOf(urlOf(this.#database), folder) })
        : undefined;
    const end = (
      program === undefined
        ? this.#run(this.#database, argv, folder)
        : program.ended.then(({ code, stdout, stderr }) => ({ code, output: stdout + stderr }))
    ).then((seen) => (ended = seen));
    const waitFor = async (what: string, where: string): Promise<number> =>
      await waitForCondition(
        `a runner to reach ${what}`,
        async () => {
          if (ended !== undefined) return -1;
          const { rows } = await observer.client.query<{ pid: number }>(
            `SELECT l.pid FROM pg_locks l JOIN pg_stat_activity a USING (pid) WHERE NOT l.granted AND a.application_name LIKE 'headgate migrate%' AND ${where}`,
          );
          return rows[0]?.pid;
        },
        { timeout: 20_000, interval: 5 },
      );
    try {
      let pid = await waitFor(
        `gate ${gate}`,
        `locktype = 'advisory' AND classid = ${gateClass} AND objid = ${gate}`,
      );
      if (moment !== "before" && pid !== -1) {
        await reader.client.query(
          "BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT FROM base; SELECT FROM parted",
        );
        await keeper.client.query(`SELECT pg_advisory_unlock(${gateClass}, ${gate})`);
        pid = await waitFor("the middle of a statement", "locktype = 'virtualxid'");
      }
      if (moment === "after" && pid !== -1) {
        await writer.client.query("BEGIN; LOCK TABLE schema_migration_runs IN EXCLUSIVE MODE");
        await reader.client.query("COMMIT");
        pid = await waitFor("the record of a statement", "locktype = 'relation'");
      }
      // It ended before it came to that point; whether it may is not judged here.
      if (pid === -1) return await end;
      if (blow === "restart" || blow === "crash") {
        await this.#restart(blow);
        return { ...(await end), isStruck: true };
      }
      if (program !== undefined) {
        process.kill(-program.pid, "SIGKILL");
        await program.ended;
      }
      await observer.client.query("SELECT pg_terminate_backend($1, 10000)", [pid]);
      await Promise.all([keeper, reader, writer].map(closeSession));
      return { ...(await end), isStruck: true };
    } finally {
      await Promise.all([keeper, reader, writer].map(async (session) => await closeSession(session)));
      await end;
    }
  }

  async #restart(blow: "restart" | "crash"): Promise<void> {
    await this.#cluster.stop(blow === "crash" ? { atOnce: AbortSignal.abort() } : {});
    await this.#stopObserving();
    await this.#start();
  }

  /** The folder with exactly these files, and the base. */
  #write(name: string, files: readonly ModelFile[]): string {
    const folder = join(this.#folder, name);
    rmSync(folder, { recursive: true, force: true });
    mkdirSync(folder);
    for (const [file, text] of Object.entries(baseFiles)) writeFileSync(join(folder, file), text);
    for (const file of files) {
      for (const direction of ["up", "down"] as const) {
        const text = textOf(file.content, direction);
        if (text !== undefined) writeFileSync(join(folder, `${nameOf(file)}.${direction}.sql`), text);
      }
    }
    return folder;
  }
}

function environmentOf(url: string, folder: string): Record<string, string> {
  return {
    DATABASE_URL: url,
    MIGRATIONS_DIR: folder,
    LOG_FORMAT: "pretty",
    MIGRATE_LOCK_TIMEOUT: "10min",
    WAIT_TIMEOUT: "20s",
  };
}
