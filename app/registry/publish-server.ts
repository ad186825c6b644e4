import { AppError } from "../errors.ts";
import { lockServers } from "./import-repository.ts";
import { markLatest } from "./mark-latest.ts";
import { insertVersion } from "./publish-repository.ts";
import { rawMember, replaceMember } from "./raw-member.ts";
import { publisherMeta, renderServer } from "./server-record.ts";
import { selectVersion } from "./server-repository.ts";
import { inTransaction, type DatabasePool } from "./transaction.ts";
import type { ServerDocument } from "./validation/server-document.ts";

/** A server.json that `validateServer` found valid: what it says, and how it was written. */
export interface Publication {
  readonly document: ServerDocument;
  readonly text: string;
}

/**
 * Adds a version, moves the mark of the latest one where the rule wants that, and returns JSON text of the
 * ServerResponse. Publications of one server take turns.
 *
 * @throws AppError `already-exists` for a version that is there, whatever its content
 */
export async function publishServer(pool: DatabasePool, publication: Publication): Promise<string> {
  const { name, version } = publication.document;
  return inTransaction(pool, async (database) => {
    await lockServers(database, [name]);
    const { title, description } = publication.document;
    const value = withoutForeignMeta(publication.text, publication.document);
    if (!(await insertVersion(database, { name, version, value, title, description }))) {
      throw new AppError(
        "already-exists",
        `Version ${version} of ${name} is published already, and a version never changes. Publish another version.`,
      );
    }
    await markLatest(database, [name]);
    const record = await selectVersion(database, name, version, true);
    return renderServer(record!);
  });
}

/** The text without members of `_meta` that are not the publisher's: those are for registries to write. */
function withoutForeignMeta(text: string, { _meta: meta }: ServerDocument): string {
  if (meta === undefined || Object.keys(meta).every((key) => key === publisherMeta)) return text.trim();
  const provided = rawMember(rawMember(text, "_meta") ?? "{}", publisherMeta);
  const kept = provided === undefined ? "{}" : `{${JSON.stringify(publisherMeta)}:${provided}}`;
  return replaceMember(text, "_meta", kept).trim();
}
