import type { Config, DatabaseAddress } from "../../config/settings.ts";
import { connectWhenReady, placeOf } from "../../database/preflight.ts";
import { closeSession, guardSession, openSession, type Session } from "../../database/session.ts";
import { AppError, messageOf } from "../../errors.ts";
import type { Listener } from "../events.ts";
import { readContents } from "../reset/contents.ts";
import { dropContents } from "../reset/drop-contents.ts";
import { claim, createScratch, dropAbandoned, dropScratch, scratchName } from "./create-scratch.ts";
import { watchRoles, type MadeRoles } from "./made-roles.ts";

/** An empty database to try migrations in. */
export interface ScratchDatabase {
  readonly address: DatabaseAddress;
  /** `18.4`. */
  readonly serverVersion: string;
  /** Its server is that of the configured database: roles there are not ours to change. */
  readonly sharesServer: boolean;
  readonly configured: ConfiguredServer;
  readonly roles: MadeRoles;
  /** Makes it empty again. Nobody may be connected to it. */
  empty(): Promise<void>;
}

/** The server of the configured database, or why it is not known. */
export type ConfiguredServer = { readonly version: string } | { readonly unknownBecause: string };

export interface ScratchOptions {
  /** An empty database to use; one of our own is made on the server of the configured one without it. */
  readonly scratch: DatabaseAddress | undefined;
  /** The database that the migrations are for; undefined where none is configured. */
  readonly configured: DatabaseAddress | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly listener: Listener;
}

/**
 * An empty scratch database for `work`, which is gone or empty again afterwards, whatever happens; also when the signal
 * fires. What earlier runs left that were killed is removed first.
 *
 * @throws AppError as `connectWhenReady`; `database-refused` when none can be made; `usage` when the given one is not empty;
 *   otherwise what `work` throws
 */
export async function withScratchDatabase<T>(
  config: Pick<Config, "waitTimeout" | "lockTimeout" | "retries">,
  options: ScratchOptions,
  work: (scratch: ScratchDatabase) => Promise<T>,
): Promise<T> {
  const { scratch, configured, signal, listener } = options;
  const address = scratch ?? configured;
  if (address === undefined) {
    throw new AppError(
      "configuration",
      "No database is configured on whose server a scratch database could be made: set DATABASE_URL, or give --scratch-url.",
    );
  }
  const session = await connectWhenReady({
    address,
    activity: "migrate verify",
    timeout: config.waitTimeout,
    signal,
    onWait: (reason, elapsed) =>
      listener({
        type: "waiting-for-database",
        reason,
        elapsed,
        timeout: config.waitTimeout,
        place: placeOf(address),
      }),
  });
  try {
    await guardSession(session);
    return scratch === undefined
      ? await inOwnDatabase(session, options, work)
      : await inGivenDatabase(session, config, options, work);
  } finally {
    await closeSession(session);
  }
}

async function inOwnDatabase<T>(
  session: Session,
  { signal, listener }: ScratchOptions,
  work: (scratch: ScratchDatabase) => Promise<T>,
): Promise<T> {
  for (const name of await dropAbandoned(session))
    listener({ type: "warning", name, text: `dropped ${name}, which a killed run had left` });
  const name = scratchName();
  const roles = await watchRoles(session);
  await claim(session, name);
  try {
    stopIfAborted(signal);
    await createScratch(session, name);
    const version = await readVersion(session);
    return await work({
      address: { ...session.address, database: name },
      serverVersion: version,
      sharesServer: true,
      configured: { version },
      roles,
      async empty() {
        await dropScratch(session, name);
        await dropRoles(roles, listener);
        await createScratch(session, name);
      },
    });
  } finally {
    await leaveNothing(name, listener, async () => {
      await dropScratch(session, name);
      await dropRoles(roles, listener);
    });
  }
}

async function inGivenDatabase<T>(
  session: Session,
  { lockTimeout, retries }: Pick<Config, "lockTimeout" | "retries">,
  { configured, listener }: ScratchOptions,
  work: (scratch: ScratchDatabase) => Promise<T>,
): Promise<T> {
  await refuseUnfit(session, configured);
  const roles = await watchRoles(session);
  const empty = async (): Promise<void> => {
    await dropContents(session, { keptSchema: "public", lockTimeout, retries, listener });
    await dropRoles(roles, listener);
  };
  const { server, sharesServer } = await compareServers(session, configured);
  try {
    return await work({
      address: session.address,
      serverVersion: await readVersion(session),
      sharesServer,
      configured: server,
      roles,
      empty,
    });
  } finally {
    await leaveNothing(session.address.database, listener, empty);
  }
}

const mostNamed = 3;

/** @throws AppError `usage` */
async function refuseUnfit(session: Session, configured: DatabaseAddress | undefined): Promise<void> {
  const { host, port, database } = session.address;
  const place = `"${database}" at ${placeOf(session.address)}`;
  if (configured?.host === host && configured.port === port && configured.database === database)
    throw new AppError(
      "usage",
      `--scratch-url names the configured database itself, ${place}; nothing was touched.`,
    );
  const contents = await readContents(session.client, "public");
  if (contents.length === 0) return;
  const named = contents.slice(0, mostNamed).map(({ name }) => name);
  const more = contents.length > mostNamed ? ` and ${contents.length - mostNamed} more` : "";
  throw new AppError(
    "usage",
    `The database of --scratch-url, ${place}, is not empty (${named.join(", ")}${more}); nothing was touched. Give an empty one.`,
  );
}

/** Servers that started in the same microsecond are one. */
async function compareServers(
  session: Session,
  configured: DatabaseAddress | undefined,
): Promise<{ server: ConfiguredServer; sharesServer: boolean }> {
  if (configured === undefined)
    return { server: { unknownBecause: "none is configured" }, sharesServer: false };
  let other: Session | undefined;
  try {
    other = await openSession(configured, "verify", 3000);
    const version = await readVersion(other);
    return { server: { version }, sharesServer: (await startOf(other)) === (await startOf(session)) };
  } catch (error) {
    const { host, port } = session.address;
    const sharesServer = configured.host === host && configured.port === port;
    return { server: { unknownBecause: messageOf(error) }, sharesServer };
  } finally {
    if (other !== undefined) await closeSession(other);
  }
}

async function startOf({ client }: Session): Promise<string> {
  const { rows } = await client.query<{ start: string }>(
    "SELECT extract(epoch FROM pg_postmaster_start_time())::text AS start",
  );
  return rows[0]!.start;
}

async function readVersion({ client }: Session): Promise<string> {
  const { rows } = await client.query<{ version: string }>(
    "SELECT split_part(current_setting('server_version'), ' ', 1) AS version",
  );
  return rows[0]!.version;
}

/** What went wrong before matters more than what goes wrong here. */
async function leaveNothing(name: string, listener: Listener, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    const text = `the scratch database ${name} could not be cleaned up: ${messageOf(error)}`;
    listener({ type: "warning", name, text });
  }
}

async function dropRoles(roles: MadeRoles, listener: Listener): Promise<void> {
  for (const role of await roles.drop()) {
    listener({
      type: "warning",
      name: role,
      text: `the role "${role}", which a migration made, could not be dropped again`,
    });
  }
}

function stopIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw new AppError("interrupted", "Stopped before anything was made.");
}
