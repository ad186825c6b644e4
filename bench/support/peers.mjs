import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { findProgram } from "./postgres.mjs";

const root = join(import.meta.dirname, "..", "..");
const own = join(import.meta.dirname, "..", "peers");
const node = process.execPath;

/** Where a program is whose package only the benchmark needs. */
export function peerProgram(name) {
  return join(own, "node_modules", ".bin", name);
}

/** Installs what bench/peers/package.json names, unless it is there. */
export function installPeers() {
  if (existsSync(peerProgram("knex"))) return;
  process.stderr.write("installing the peers (npm install in bench/peers) …\n");
  const npm = process.env.npm_execpath;
  const [file, ...words] = npm === undefined ? ["npm"] : [node, npm];
  // No lock file: dbmate's packages for other platforms are not to be had everywhere, and `npm ci` would refuse it then.
  execFileSync(file, [...words, "install", "--no-package-lock", "--no-audit", "--no-fund"], {
    cwd: own,
    env: { PATH: process.env.PATH, HOME: process.env.HOME },
    stdio: ["ignore", "inherit", "inherit"],
  });
}

/**
 * A tool that is compared: how it wants a migration written (`concurrent`: it must run outside a transaction), and the
 * command and environment that apply all of a folder.
 */
const tools = {
  Headgate: {
    extension: ".up.sql",
    textOf: (sql, concurrent) => (concurrent ? `-- migrate: no-transaction\n${sql}\n` : `${sql}\n`),
    up: (folder, url) => [
      [node, join(root, "dist", "programs", "migrate.cjs"), "up", "--yes"],
      { DATABASE_URL: url, MIGRATIONS_DIR: folder, LOG_LEVEL: "silent" },
    ],
  },
  "node-pg-migrate": {
    extension: ".mjs",
    textOf: (sql, concurrent) =>
      `export const up = (pgm) => { ${concurrent ? "pgm.noTransaction(); " : ""}pgm.sql(${JSON.stringify(sql)}); };\nexport const down = false;\n`,
    up: (folder, url) => [
      [
        node,
        join(root, "node_modules", ".bin", "node-pg-migrate"),
        "up",
        "--migrations-dir",
        folder,
        "--advisory-lock-mode",
        "wait",
      ],
      { DATABASE_URL: url },
    ],
  },
  knex: {
    extension: ".cjs",
    textOf: (sql, concurrent) =>
      `exports.up = (knex) => knex.raw(${JSON.stringify(sql)});\nexports.down = () => {};\n${concurrent ? "exports.config = { transaction: false };\n" : ""}`,
    up: (folder, url) => [
      [node, peerProgram("knex"), "migrate:latest", "--knexfile", join(own, "knexfile.cjs")],
      { DATABASE_URL: url, KNEX_DIRECTORY: folder },
    ],
  },
  dbmate: {
    extension: ".sql",
    textOf: (sql, concurrent) =>
      `-- migrate:up${concurrent ? " transaction:false" : ""}\n${sql}\n-- migrate:down\n`,
    up: (folder, url) => [
      [node, peerProgram("dbmate"), "--no-dump-schema", "--migrations-dir", folder, "up"],
      { DATABASE_URL: url },
    ],
  },
  goose: {
    program: "goose",
    extension: ".sql",
    textOf: (sql, concurrent) => `${concurrent ? "-- +goose NO TRANSACTION\n" : ""}-- +goose Up\n${sql}\n`,
    up: (folder, url, program) => [[program, "-dir", folder, "postgres", url, "up"], {}],
  },
  "golang-migrate": {
    program: "migrate",
    extension: ".up.sql",
    textOf: (sql) => `${sql}\n`,
    up: (folder, url, program) => [[program, "-path", folder, "-database", url, "up"], {}],
  },
};

/** The tools that are here, and the names of those that are not. */
export function findTools() {
  const here = [];
  const missing = [];
  for (const [name, { program, extension, textOf, up }] of Object.entries(tools)) {
    const path = program === undefined ? undefined : findProgram(program);
    if (program !== undefined && path === undefined) {
      missing.push(name);
      continue;
    }
    here.push({
      name,
      /** Writes these migrations, numbered from 1, the way the tool wants them. */
      write(folder, migrations) {
        mkdirSync(folder, { recursive: true });
        for (const [index, { sql, concurrent = false }] of migrations.entries()) {
          const file = `${String(index + 1).padStart(6, "0")}_t${extension}`;
          writeFileSync(join(folder, file), textOf(sql, concurrent));
        }
      },
      /** The command and the environment that apply a folder. */
      up: (folder, url) => up(folder, url, path),
    });
  }
  return { here, missing };
}
