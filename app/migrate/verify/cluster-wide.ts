import type { PreparedMigration } from "../prepare.ts";
import { isParseFailure, splitStatements } from "../statements.ts";

/** What a migration does to the whole server, not to its database alone. */
export interface ClusterWideUse {
  /** `role "reporter"`, `DROP TABLESPACE`. */
  readonly object: string;
  /** The roles that it changes; without any it changes something else, or the text does not tell. */
  readonly roles: readonly string[];
  /** Roles of which the same is enough: a membership goes with either side. */
  readonly orRoles?: readonly string[];
  /** It makes something new, which fails where that exists already and changes nothing else. */
  readonly creates: boolean;
}

/**
 * What in a migration reaches beyond its database: roles, tablespaces, other databases, the server's configuration. In
 * what is put together while it runs (DO blocks, TypeScript) it is looked for by its words.
 */
export async function findClusterWide(migration: PreparedMigration): Promise<ClusterWideUse[]> {
  const { text, file } = migration;
  if (!mayBeClusterWide.test(text)) return [];
  if (file.kind === "code") return usesIn(text, true);
  const statements = await splitStatements(text);
  if (isParseFailure(statements)) return [];
  return statements.flatMap((statement) => {
    if (statement.node === "DoStmt") return usesIn(withoutCommentLines(statement.text), true);
    return clusterWideNodes.test(statement.node) || /^\s*alter\s+database\b/i.test(statement.text)
      ? usesIn(statement.text, false)
      : [];
  });
}

const mayBeClusterWide =
  /\b(?:role|user|group|grant|revoke|owned|database|tablespace|system|subscription|\w+roles?)\b/i;
const clusterWideNodes =
  /^(?:(?:Create|Alter|Drop)Role(?:Set)?Stmt|GrantRoleStmt|(?:DropOwned|ReassignOwned)Stmt|(?:Create|Drop)dbStmt|AlterDatabase\w*|\w+TableSpace\w*|AlterSystemStmt|\w+SubscriptionStmt)$/;

const name = String.raw`(?:"(?:[^"]|"")+"|[\w$]+)`;
const names = String.raw`${name}(?:\s*,\s*${name})*`;
const roleStatement = new RegExp(
  String.raw`\b(create|alter|drop)\s+(?:role|user(?!\s+mapping)|group)\b(?:\s+if\s+(?:not\s+)?exists)?(?:\s+(${names}))?`,
  "gi",
);
const membership = new RegExp(
  String.raw`\b(?:grant|revoke)\s+(?:admin\s+option\s+for\s+)?(${names})\s+(?:to|from)\s+(${names})`,
  "gi",
);
const owned = new RegExp(String.raw`\b(?:drop|reassign)\s+owned\s+by\s+(${names})`, "gi");
const elsewhere = /\b(?:(?:create|alter|drop)\s+(?:database|tablespace|subscription)|alter\s+system)\b/gi;
/** Functions of node-pg-migrate's builder. */
const builder = /\.\s*(create|alter|drop|rename|grant|revoke)Roles?\s*\(\s*(?:["'`](\w+)["'`])?/g;

function usesIn(text: string, isProgram: boolean): ClusterWideUse[] {
  return [
    ...[...text.matchAll(roleStatement)].map(([, verb, list]) =>
      roleUse(verb!.toLowerCase() === "create", namesOf(list)),
    ),
    ...[...text.matchAll(membership)].map(([, granted, members]) => ({
      ...roleUse(false, namesOf(granted)),
      orRoles: namesOf(members),
    })),
    ...[...text.matchAll(owned)].map(([, list]) => roleUse(false, namesOf(list))),
    ...[...text.matchAll(elsewhere)].map(([words]) => ({
      object: words.toUpperCase().replaceAll(/\s+/g, " "),
      roles: [],
      creates: false,
    })),
    ...(isProgram
      ? [...text.matchAll(builder)].map(([, verb, role]) =>
          roleUse(verb === "create", role === undefined ? [] : [role]),
        )
      : []),
  ];
}

function roleUse(creates: boolean, roles: readonly string[]): ClusterWideUse {
  const object = roles.length === 0 ? "a role" : `role ${roles.map((role) => `"${role}"`).join(", ")}`;
  return { object, roles, creates };
}

/** As the server would fold them. */
function namesOf(list: string | undefined): string[] {
  return [...(list ?? "").matchAll(new RegExp(name, "g"))].map(([word]) =>
    word.startsWith('"') ? word.slice(1, -1).replaceAll('""', '"') : word.toLowerCase(),
  );
}

function withoutCommentLines(text: string): string {
  return text.replaceAll(/^\s*--.*$/gm, "");
}

/** Whether it may be done on a server that others use: it changes nothing that was there before. */
export function isHarmless(
  { creates, roles, orRoles = [] }: ClusterWideUse,
  made: ReadonlySet<string>,
): boolean {
  const allMade = (list: readonly string[]): boolean =>
    list.length > 0 && list.every((role) => made.has(role));
  return creates || allMade(roles) || allMade(orRoles);
}
