import { mkdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { embeddedUrlFile } from "../../app/config/load.ts";
import { AppError, messageOf } from "../../app/errors.ts";
import { closeSession, openSession, type Session } from "../../app/database/session.ts";
import type { Cluster } from "../embedded-postgres/cluster.ts";
import { explainWriteFailure } from "../embedded-postgres/explain-failure.ts";

const name = "headgate";

/** The URL of the service's own database in this cluster, which is made when it is missing. */
export async function makeApplicationDatabase(cluster: Cluster): Promise<string> {
  const session = await open(cluster);
  try {
    const { rows } = await session.client.query("SELECT FROM pg_database WHERE datname = $1", [name]);
    if (rows.length === 0) await session.client.query(`CREATE DATABASE ${name}`);
  } finally {
    await closeSession(session);
  }
  const url = new URL(cluster.url);
  url.pathname = `/${name}`;
  return url.href;
}

/** Tells the commands in other terminals where the database is (app/config reads the file when nothing else is set). */
export function publishUrl(url: string): void {
  const draft = `${embeddedUrlFile}.new`;
  try {
    mkdirSync(dirname(embeddedUrlFile), { recursive: true });
    rmSync(draft, { force: true });
    writeFileSync(draft, `${url}\n`, { mode: 0o600 });
    renameSync(draft, embeddedUrlFile);
  } catch (error) {
    throw explainWriteFailure(error, dirname(embeddedUrlFile));
  }
}

export function withdrawUrl(): void {
  rmSync(embeddedUrlFile, { force: true });
}

async function open(cluster: Cluster): Promise<Session> {
  try {
    return await openSession(cluster.address, "start", 30_000);
  } catch (error) {
    throw new AppError(
      "configuration",
      `The embedded PostgreSQL runs, but does not let us in: ${messageOf(error)}. Was its password changed? ` +
        `Move .data/postgres away to begin with an empty database. Its log is ${cluster.logFile}.`,
      { cause: error },
    );
  }
}
