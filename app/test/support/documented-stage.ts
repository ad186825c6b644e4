import { EventEmitter } from "node:events";
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { serve } from "../../serve.ts";
import { projectRoot } from "../../version.ts";
import {
  scenes,
  teamMigrations,
  type Environment,
  type Place,
  type Scene,
  type SceneName,
} from "./documented-scenes.ts";
import { findFreePort } from "./free-port.ts";
import { importInto } from "./registry-fixture.ts";
import { runProgram, type ProgramEnd } from "./run-program.ts";
import { createTestDatabase } from "./test-database.ts";
import { waitForHttp } from "./wait-for-http.ts";

/** Runs what the documents tell people to type. */
export interface Stage {
  /** In a scene of its own; with `yes` to all that is asked. */
  runIn(scene: SceneName, script: string, yes: boolean): Promise<ProgramEnd>;
  /** Beside the running service, on its database. */
  runBesideService(script: string): Promise<ProgramEnd>;
  close(): Promise<void>;
}

interface Spot extends Place {
  readonly folder: string;
  readonly env: Environment;
}

const exampleServers = join(projectRoot, "examples", "servers.jsonl");
const changesSomething = /^migrate (?:down|downgrade|redo|reset|create|repair)/;

/** The programs on a PATH, and a service with the servers of the examples. */
export async function openStage(): Promise<Stage> {
  const home = mkdtempSync(join(tmpdir(), "headgate-documented-"));
  writePrograms(join(home, "bin"));
  // An answer of 400 or above is a failure.
  writeFileSync(join(home, ".curlrc"), "fail\n");
  // Somebody may publish already: the service does not start with a file without tokens.
  writeFileSync(join(home, "tokens"), `${"0".repeat(64)} com.example/*\n`);
  const service = await startService(join(home, "tokens"));
  /** What only looks shares a schema at head with all that do the same. */
  let head: Spot | undefined;

  const shell = async (script: string, env: Environment, folder: string): Promise<ProgramEnd> =>
    await runProgram("/bin/bash", {
      args: [
        "-c",
        script
          .replaceAll("localhost:8080", `localhost:${service.port}`)
          .replaceAll("/etc/", `${folder}/etc/`),
      ],
      env: {
        PATH: `${join(home, "bin")}:${process.env["PATH"]}`,
        HOME: folder,
        LOG_LEVEL: "warn",
        LOG_FORMAT: "pretty",
        NO_COLOR: "1",
        ...env,
      },
      cwd: folder,
    });

  const openSpot = async (template?: "migrated"): Promise<Spot> => {
    const database = await createTestDatabase(template === undefined ? {} : { template });
    const folder = makeFolder(home);
    const migrations = join(folder, "migrations");
    const own = template === undefined ? migrations : join(projectRoot, "migrations");
    const env = { DATABASE_URL: database.url, MIGRATIONS_DIR: own };
    const migrate: Place["migrate"] = async (words, code = 0) => {
      const end = await shell(`migrate ${words}`, env, folder);
      if (end.code !== code) throw new Error(`migrate ${words}: ${JSON.stringify(end)}`);
    };
    return { database, folder, migrations, env, migrate };
  };

  return {
    runIn: async (name, script, yes) => {
      const scene: Scene = scenes[name];
      const shared = name === "head";
      const spot = shared && head !== undefined ? head : await openSpot(scene.template);
      const prepared = spot === head ? undefined : await scene.prepare(spot);
      try {
        const answers: Environment = yes ? { SAY_YES: "--yes" } : {};
        const end = await shell(script, { ...spot.env, ...answers, ...prepared?.env }, spot.folder);
        if (shared && changesSomething.test(script)) await spot.migrate("up --yes");
        return end;
      } finally {
        await prepared?.end?.();
        if (shared) head = spot;
        else await spot.database.drop();
      }
    },
    runBesideService: (script) => shell(script, { DATABASE_URL: service.url }, makeFolder(home)),
    close: async () => {
      await service.close();
      await head?.database.drop();
      rmSync(home, { recursive: true });
    },
  };
}

function writePrograms(bin: string): void {
  mkdirSync(bin);
  for (const name of ["migrate", "registry"]) {
    const program = join(projectRoot, "dist", "programs", `${name}.cjs`);
    // People are asked on a terminal; here there is none.
    writeFileSync(join(bin, name), `#!/bin/sh\nexec '${process.execPath}' '${program}' "$@" $SAY_YES\n`);
    chmodSync(join(bin, name), 0o755);
  }
}

/** A folder as people have it where they type: migrations, files to import and to publish. */
function makeFolder(home: string): string {
  const folder = mkdtempSync(join(home, "folder-"));
  for (const name of ["etc/bash_completion.d", ".zfunc", ".config/fish/completions", "migrations"])
    mkdirSync(join(folder, name), { recursive: true });
  for (const [name, text] of Object.entries(teamMigrations()))
    writeFileSync(join(folder, "migrations", name), text);
  for (const name of [".curlrc", "tokens"]) symlinkSync(join(home, name), join(folder, name));
  for (const name of ["scripts", "examples"]) symlinkSync(join(projectRoot, name), join(folder, name));
  const { server } = JSON.parse(exampleLines().at(-1)!) as { server: object };
  writeFileSync(join(folder, "server.json"), JSON.stringify({ ...server, version: "2.0.0" }));
  return folder;
}

const exampleLines = (): string[] => readFileSync(exampleServers, "utf8").trimEnd().split("\n");

async function startService(
  tokens: string,
): Promise<{ readonly port: string; readonly url: string; close(): Promise<void> }> {
  const database = await createTestDatabase({ template: "migrated" });
  await importInto(database, exampleLines());
  const [port, operationsPort] = [String(await findFreePort()), String(await findFreePort())];
  const signals = new EventEmitter();
  let log = "";
  const output = { write: (text: string) => (log += text) };
  const ended = serve({
    argv: [],
    env: {
      PORT: port,
      OPERATIONS_PORT: operationsPort,
      DATABASE_URL: database.url,
      REGISTRY_PUBLISH_TOKENS_FILE: tokens,
    },
    stdout: output,
    stderr: output,
    signals,
    exit: () => undefined,
  });
  await waitForHttp(`http://127.0.0.1:${port}/ready`).catch((error: unknown) => {
    throw new Error(`the service does not become ready:\n${log}`, { cause: error });
  });
  return {
    port,
    url: database.url,
    close: async () => {
      signals.emit("SIGTERM");
      await ended;
      await database.drop();
    },
  };
}
