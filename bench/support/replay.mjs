import { writeFileSync } from "node:fs";
import { loadConfig } from "../../dist/app/config/load.js";
import { closeSession, openSession } from "../../dist/app/database/session.js";
import { ensureLedger, ledgerDefinition, ledgerTables } from "../../dist/app/migrate/ledger-tables.js";
import { lockKey, tryLock } from "../../dist/app/migrate/lock.js";
import { readMigrationFolder } from "../../dist/app/migrate/files.js";
import { prepareMigration, readChecksums } from "../../dist/app/migrate/prepare.js";
import { runSteps } from "../../dist/app/migrate/run-steps.js";

/**
 * Applies a folder to an empty database and writes all that was sent for it as a script for psql, message by message:
 * what the server does for a run of ours, without our part of it.
 */
export async function writeReplay(url, folder, file) {
  const config = loadConfig({ env: { DATABASE_URL: url, MIGRATIONS_DIR: folder }, cwd: folder });
  const session = await openSession(config.database, "replay", 10_000);
  try {
    const tables = await ensureLedger(session.client, ledgerTables(config));
    const key = lockKey("replay", tables);
    await tryLock(session, key);
    const sent = record(session.client);
    await runSteps(
      {
        session,
        tables,
        lockKey: key,
        lockTimeout: 3000,
        retries: 0,
        waitedMs: 0,
        listener: () => undefined,
      },
      await stepsOf(folder),
    );
    const { migrations, runs } = ledgerDefinition(tables);
    const lock = `SELECT pg_advisory_lock(${key}), pg_advisory_lock_shared(${key})`;
    writeFileSync(
      file,
      [migrations, ...runs, lock, ...sent.map(asOneMessage)].map((text) => `${text};\n`).join(""),
    );
  } finally {
    await closeSession(session);
  }
}

/** Notes the text of every message from here on. */
function record(client) {
  const sent = [];
  const query = client.query.bind(client);
  client.query = (message, ...more) => {
    sent.push(typeof message === "string" ? message : message.text);
    return query(message, ...more);
  };
  return sent;
}

async function stepsOf(folder) {
  const problems = [];
  const steps = [];
  for (const known of readChecksums(readMigrationFolder(folder), problems)) {
    const migration = await prepareMigration(known, "up", known.upPath, problems);
    steps.push({ migration, texts: { up: migration.source, down: undefined }, unfinished: undefined });
  }
  if (problems.length > 0) throw new Error(problems.join("\n"));
  return steps;
}

/** psql sends what is joined so in one message. Whose transaction it is, is another number each time. */
function asOneMessage(text) {
  return text
    .replace(/;\s*$/, "")
    .replaceAll("; ", "\\; ")
    .replace(/= '\d+'\)::int/, "= pg_current_xact_id()::text)::int");
}
