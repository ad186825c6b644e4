import { createHash } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createTestDatabase, type TestDatabase } from "./test-database.ts";

/** Tokens that the test's registry knows: of everything, and of one namespace. */
export const everywhere = "token-for-everything";
export const acme = "token-for-com.acme";

export function lineOf(token: string, pattern: string): string {
  return `${createHash("sha256").update(token).digest("hex")} ${pattern}`;
}

/** A file of tokens in a folder of its own, for REGISTRY_PUBLISH_TOKENS_FILE. */
export function writeTokens(): { readonly file: string; remove(): void } {
  const folder = mkdtempSync(join(tmpdir(), "headgate-tokens-"));
  const file = join(folder, "tokens");
  writeFileSync(file, `# who may publish\n\n${lineOf(everywhere, "*")}\n${lineOf(acme, "com.acme/*")}\n`);
  return { file, remove: () => rmSync(folder, { recursive: true }) };
}

/** A server.json that can be published. */
export function documentOf(name: string, version: string, more: object = {}): Record<string, unknown> {
  return {
    $schema: "https://static.modelcontextprotocol.io/schemas/2025-12-11/server.schema.json",
    name,
    description: "A server",
    version,
    ...more,
  };
}

/** A database whose registry knows the tokens; `drop` removes their file, too. */
export async function createTokenDatabase(): Promise<TestDatabase> {
  const tokens = writeTokens();
  const database = await createTestDatabase({
    template: "migrated",
    env: { REGISTRY_PUBLISH_TOKENS_FILE: tokens.file },
  });
  const drop = async (): Promise<void> => {
    tokens.remove();
    await database.drop();
  };
  return { ...database, drop };
}
