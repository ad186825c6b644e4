import { readFileSync } from "node:fs";
import type { ClientConfig } from "pg";
import type { DatabaseAddress } from "../config/settings.ts";
import { AppError, messageOf } from "../errors.ts";

/**
 * What node-postgres needs to reach `address`. Every field is given, so that node-postgres looks nothing up in the
 * environment by itself.
 *
 * @throws AppError `configuration` when the root certificate cannot be read
 */
export function clientOptions(address: DatabaseAddress, applicationName: string): ClientConfig {
  return {
    host: address.host,
    port: address.port,
    database: address.database,
    user: address.user,

    password: address.password,
    ssl: tlsOptions(address),
    application_name: applicationName,
    ...(address.options === undefined ? {} : { options: address.options }),
    keepAlive: true,
  };
}

/** The modes of libpq, without `allow` and `prefer`, which may fall back to plain text unasked. */
function tlsOptions(address: DatabaseAddress): NonNullable<ClientConfig["ssl"]> {
  const { sslmode, sslRootCert, tlsServerName } = address;
  if (sslmode === "disable") return false;
  const trust = sslRootCert === undefined ? {} : { ca: readCertificate(sslRootCert) };
  const servername = tlsServerName === undefined ? {} : { servername: tlsServerName };
  switch (sslmode) {
    case "verify-full":
      return { ...trust, ...servername, rejectUnauthorized: true };
    case "verify-ca":
      return { ...trust, ...servername, rejectUnauthorized: true, checkServerIdentity: () => undefined };
    case "require":
      // As libpq: encrypted; and when a root certificate is given, verified against it.
      return sslRootCert === undefined
        ? { rejectUnauthorized: false, ...servername }
        : { ...trust, ...servername, checkServerIdentity: () => undefined };
    // The compiler knows that there is no other; the linter wants a return all the same.
    default:
      return sslmode satisfies never;
  }
}

function readCertificate(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    throw new AppError("configuration", `The root certificate ${file} cannot be read: ${messageOf(error)}.`, {
      cause: error,
    });
  }
}
