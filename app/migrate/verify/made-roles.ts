import type { Session } from "../../database/session.ts";
import { codeOf } from "../../database/sqlstate.ts";

/** The roles that migrations made on the server while they were verified. */
export interface MadeRoles {
  /** Remembers a text that may make roles. To be called before it runs. */
  expect(text: string): void;
  /** Roles that were not there at the beginning and that a remembered text names: nobody else's. */
  read(): Promise<ReadonlySet<string>>;
  /** Drops them; returns those that are still used elsewhere. */
  drop(): Promise<readonly string[]>;
}

/** @param session in a database that is not verified */
export async function watchRoles({ client }: Pick<Session, "client">): Promise<MadeRoles> {
  const readNames = async (): Promise<string[]> => {
    const { rows } = await client.query<{ rolname: string }>("SELECT rolname FROM pg_catalog.pg_roles");
    return rows.map(({ rolname }) => rolname);
  };
  const initial = new Set(await readNames());
  const texts: string[] = [];
  const read = async (): Promise<ReadonlySet<string>> => {
    if (texts.length === 0) return new Set();
    const all = texts.join("\n").toLowerCase();
    const added = (await readNames()).filter((role) => !initial.has(role));
    return new Set(added.filter((role) => all.includes(role.toLowerCase())));
  };
  return {
    expect: (text) => void texts.push(text),
    read,
    async drop() {
      const left: string[] = [];
      for (const role of await read()) {
        await client.query(`DROP ROLE ${client.escapeIdentifier(role)}`).catch((error: unknown) => {
          // Gone already, or not ours to drop.
          if (codeOf(error) !== "42704") left.push(role);
        });
      }
      return left;
    },
  };
}
