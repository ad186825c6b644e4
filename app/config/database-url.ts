/** What a connection URL says; a part that it leaves out is undefined. */
export interface DatabaseUrlParts {
  host: string | undefined;
  port: string | undefined;
  database: string | undefined;
  user: string | undefined;
  password: string | undefined;
  sslmode: string | undefined;
  sslRootCert: string | undefined;
  options: string | undefined;
}

const noHost = "no-host.invalid";

/**
 * The parts of a `postgres://` URL in libpq's form, including `?host=/socket/folder` and percent-encoding. Parameters
 * that other tools put there (`schema`, `pgbouncer`, `connection_limit` …) are ignored. Returns the sentence half that
 * says what is wrong, which never holds any of the URL: there is a password in it.
 *
 * Source: PostgreSQL manual, section 32.1.1.2 "Connection URIs".
 */
export function parseDatabaseUrl(text: string): DatabaseUrlParts | string {
  if (!/^postgres(?:ql)?:\/\//i.test(text)) return "must begin with postgres:// or postgresql://";
  let url: URL;
  try {
    // The WHATWG parser wants a host where libpq's form may leave it out.
    url = new URL(text.trim().replace(/^([a-z]+:\/\/(?:[^/?#]*@)?)(?=[/?]|$)/i, `$1${noHost}`));
  } catch {
    return text.includes(",")
      ? "is not a valid URL (several hosts in one URL are not supported)"
      : "is not a valid URL (percent-encode special characters such as @ / # ? % in the password)";
  }
  // An unencoded # or ? in the password would cut the address short.
  if (url.hash !== "") return "has an unencoded # (write %23)";
  try {
    const decode = (part: string | null): string | undefined => (part ? decodeURIComponent(part) : undefined);
    return {
      host:
        url.searchParams.get("host") ||
        (url.hostname === noHost ? undefined : decode(url.hostname.replace(/^\[(.*)\]$/, "$1"))),
      port: url.port || url.searchParams.get("port") || undefined,
      database: decode(url.pathname.slice(1)) ?? (url.searchParams.get("dbname") || undefined),
      user: decode(url.username) ?? (url.searchParams.get("user") || undefined),
      password: decode(url.password) ?? (url.searchParams.get("password") || undefined),
      sslmode: url.searchParams.get("sslmode") || undefined,
      sslRootCert: url.searchParams.get("sslrootcert") || undefined,
      options: url.searchParams.get("options") || undefined,
    };
  } catch {
    return "has a % that is not followed by two hexadecimal digits (write %25 for a percent sign)";
  }
}
