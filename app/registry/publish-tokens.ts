import { createHash, timingSafeEqual } from "node:crypto";
import { readFileSync, statSync } from "node:fs";
import { AppError, messageOf } from "../errors.ts";

/** What a token lets its bearer publish: every name that one of the patterns covers. */
export interface Publisher {
  mayPublish(name: string): boolean;
}

interface Grant {
  readonly digest: Buffer;
  /** `*`, `namespace/*`, or one name. */
  readonly pattern: string;
}

/** The tokens of a file, which is read again when it changes. Tokens themselves stand nowhere: the file holds digests. */
export class PublishTokens {
  readonly #file: string;
  readonly #onProblem: (error: AppError) => void;
  #grants: readonly Grant[];
  #stamp: string;

  /**
   * @param onProblem hears once of a changed file that cannot be used; the tokens from before then stay
   * @throws AppError `configuration` when the file cannot be read, or with every line of it that is wrong
   */
  constructor(file: string, onProblem: (error: AppError) => void) {
    this.#file = file;
    this.#onProblem = onProblem;
    this.#stamp = stampOf(file);
    this.#grants = readGrants(file);
  }

  /** Who presents the token; undefined: nobody whom the file knows. */
  find(token: string): Publisher | undefined {
    this.#refresh();
    const digest = createHash("sha256").update(token).digest();
    // All of them, however early one fits, so that the time it takes tells nothing.
    const patterns = this.#grants
      .map((grant) => (timingSafeEqual(grant.digest, digest) ? grant.pattern : undefined))
      .filter((pattern) => pattern !== undefined);
    return patterns.length === 0
      ? undefined
      : { mayPublish: (name) => patterns.some((pattern) => covers(pattern, name)) };
  }

  /** A secret that is mounted into a container is replaced under the same name, without a signal. */
  #refresh(): void {
    const stamp = stampOf(this.#file);
    if (stamp === this.#stamp) return;
    this.#stamp = stamp;
    try {
      this.#grants = readGrants(this.#file);
    } catch (error) {
      this.#onProblem(error as AppError);
    }
  }
}

function stampOf(file: string): string {
  const stat = statSync(file, { throwIfNoEntry: false, bigint: true });
  return stat === undefined ? "none" : `${stat.dev} ${stat.ino} ${stat.size} ${stat.mtimeNs}`;
}

/** @throws AppError `configuration` */
function readGrants(file: string): Grant[] {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (error) {
    throw new AppError("configuration", `REGISTRY_PUBLISH_TOKENS_FILE: ${messageOf(error)}.`, {
      cause: error,
    });
  }
  return parsePublishTokens(text, file);
}

/**
 * The grants in a file of lines `<sha256 of a token, in hex> <pattern>`; empty lines and those that begin with `#` are
 * passed over.
 *
 * @throws AppError `configuration` that names every wrong line, and shows none
 */
export function parsePublishTokens(text: string, file: string): Grant[] {
  const grants: Grant[] = [];
  const wrong: string[] = [];
  for (const [index, raw] of text
    .replace(/^\uFEFF/, "")
    .split(/\r?\n|\r/)
    .entries()) {
    const line = raw.trim();
    if (line === "" || line.startsWith("#")) continue;
    const [digest = "", pattern = "", ...more] = line.split(/\s+/);
    const complaint = complaintAbout(digest, pattern, more.length);
    if (complaint === undefined) grants.push({ digest: Buffer.from(digest, "hex"), pattern });
    else wrong.push(`line ${index + 1} ${complaint}`);
  }
  if (wrong.length === 0 && grants.length === 0) wrong.push("it holds no token");
  if (wrong.length === 0) return grants;
  throw new AppError(
    "configuration",
    `REGISTRY_PUBLISH_TOKENS_FILE (${file}): ${wrong.join("; ")}. A line is \`<sha256 of a token> <namespace pattern>\`.`,
  );
}

function complaintAbout(digest: string, pattern: string, more: number): string | undefined {
  // Never the text itself: somebody may have put a token there.
  if (!/^[0-9a-f]{64}$/i.test(digest)) return "does not begin with a SHA-256 digest of 64 hexadecimal digits";
  if (pattern === "") return "has no namespace pattern";
  if (more > 0) return "has more than two words";
  const isPattern = /^(?:\*|[a-zA-Z0-9](?:[a-zA-Z0-9.-]*[a-zA-Z0-9])?\/(?:\*|[a-zA-Z0-9._-]+))$/.test(
    pattern,
  );
  return isPattern ? undefined : "has a pattern that is not `*`, `namespace/*` or `namespace/name`";
}

function covers(pattern: string, name: string): boolean {
  if (pattern === "*" || pattern === name) return true;
  return pattern.endsWith("/*") && name.startsWith(pattern.slice(0, -1));
}
