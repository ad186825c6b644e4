import { newestTestedServer, readInfo, type Info } from "../../../app/migrate/info.ts";
import type { Command } from "../command.ts";
import { countOf, moment, size } from "../words.ts";

export const info: Command = {
  name: "info",
  summary: "show the connection, the server, the role's privileges and who holds the migration lock",
  description:
    "Where the connection goes and as whom, what the role may do, how the connection is encrypted, and which session holds the migration lock. Never shows a password. Only reads.",
  exitCodes: [4, 8],
  example: "migrate info",
  async run(context) {
    const found = await readInfo(context.config(), context);
    context.answer(found);
    const rows = describe(found);
    const width = Math.max(...rows.map(([name]) => name.length));
    for (const [name, value] of rows) context.say(`${name.padEnd(width)}  ${value}`);
    return 0;
  },
};

function describe(found: Info): [string, string][] {
  const { connection, server, tls, role, privileges, ledger, lock } = found;
  const may = (allowed: boolean | null, unknown: string): string =>
    allowed === null ? unknown : allowed ? "yes" : "no";
  return [
    ["database", `"${connection.database}" at ${connection.host}:${connection.port}`],
    [
      "server",
      `PostgreSQL ${server.version}${server.standby ? ", a read-only standby" : ""}, up since ${moment(server.startedAt)}${server.supported ? "" : `; newer than ${newestTestedServer}, the newest that Headgate is tested with`}`,
    ],
    [
      "killed runners",
      server.noticesDeadClients
        ? "noticed by the server within seconds"
        : "noticed by the server at the end of their statement only (PostgreSQL 14 is better)",
    ],
    [
      "pooler",
      found.pooled
        ? "yes, one backend for several clients: give migrations a direct connection with MIGRATE_DATABASE_URL"
        : "none that is in the way",
    ],
    [
      "tls",
      tls === null
        ? `none (DATABASE_SSLMODE=${connection.sslmode})`
        : `${tls.protocol}, ${tls.cipher} (DATABASE_SSLMODE=${connection.sslmode})`,
    ],
    ["role", `"${role.name}"${role.superuser ? ", a superuser" : ""}`],
    ["may create schemas", may(privileges.createSchema, "")],
    ["may create tables", may(privileges.createTable, "the schema does not exist yet")],
    ["may write the ledger", may(privileges.writeLedger, "the ledger does not exist yet")],
    [
      "ledger",
      `${ledger.migrations} and ${ledger.runs}${ledger.exists ? "" : ", not made yet"}${ledger.bytes === null ? "" : ` (${size(ledger.bytes)})`}`,
    ],
    [
      "migration lock",
      lock === null
        ? "free"
        : `held by ${lock.applicationName} (backend pid ${lock.pid}, from ${lock.clientAddress ?? "a local socket"}, ${lock.state ?? "state unknown"})${found.waiters === 0 ? "" : `, ${countOf(found.waiters, "other runner")} waiting`}`,
    ],
    ["migrations", found.migrationsDirectory],
    ["headgate", `${found.headgateVersion}, image revision ${found.imageRevision}`],
  ];
}
