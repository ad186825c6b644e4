import { once } from "node:events";
import { request as httpRequest, type IncomingMessage } from "node:http";
import { text as readText } from "node:stream/consumers";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { openListener, type Listener } from "../../http/listener.ts";
import { createTestApi, type TestApi } from "../support/api.ts";
import { entryOf, importInto } from "../support/registry-fixture.ts";
import { createTestDatabase, type TestDatabase } from "../support/test-database.ts";

let database: TestDatabase;
let api: TestApi;
let listener: Listener;

beforeAll(async () => {
  database = await createTestDatabase({ template: "migrated" });
  await importInto(
    database,
    Array.from({ length: 75 }, (_, index) => [
      entryOf(`com.acme/tool-${index}`, "1.0.0", { description: index % 2 === 0 ? "Größe & more" : "Other" }),
      entryOf(`com.acme/tool-${index}`, "1.1.0", { description: index % 2 === 0 ? "Größe & more" : "Other" }),
    ]).flat(),
  );
  api = createTestApi(database);
  listener = await openListener(api.app, { address: { host: "127.0.0.1", port: 0 }, setting: "PORT" });
});
afterAll(async () => {
  await listener.close(0);
  await api.close();
  await database.drop();
});

interface Entry {
  readonly server: { readonly name: string; readonly version: string };
  readonly _meta: Record<string, { isLatest: boolean }>;
}
interface Page {
  readonly servers: readonly Entry[];
  readonly metadata: { readonly count: number; readonly nextCursor?: string };
}

/** The path goes out exactly as it is written here. */
async function get(path: string): Promise<{ status: number; body: unknown }> {
  const sent = httpRequest({
    host: "127.0.0.1",
    port: listener.port,
    path,
    headers: { Origin: "vscode-file://vscode-app" },
  });
  sent.end();
  const [response] = (await once(sent, "response")) as [IncomingMessage];
  return { status: response.statusCode ?? 0, body: JSON.parse(await readText(response)) };
}

/**
 * The gallery of an editor, as it is known to ask: the first page has the limit, the version and an escaped search; later
 * pages have the limit and the version again, the cursor pasted in as it came, and no search.
 */
async function browse(search?: string): Promise<{ names: string[]; pages: number }> {
  const names: string[] = [];
  let pages = 0;
  let cursor: string | undefined;
  do {
    let path = "/v0.1/servers?limit=30&version=latest";
    if (cursor !== undefined) path += `&cursor=${cursor}`;
    else if (search !== undefined) path += `&search=${encodeURIComponent(search)}`;
    const { status, body } = await get(path);
    const page = body as Page;
    expect([path, status]).toEqual([path, 200]);
    for (const { server, _meta: meta } of page.servers) {
      // Such a client reads members of _meta without a look whether it is there.
      expect(meta["io.modelcontextprotocol.registry/official"]?.isLatest).toBe(true);
      names.push(server.name);
    }
    cursor = page.metadata.nextCursor;
    pages++;
  } while (cursor !== undefined);
  return { names, pages };
}

describe("an editor's gallery", () => {
  it("sees the latest version of every server, once, page by page", async () => {
    const { names, pages } = await browse();
    expect([names.length, new Set(names).size, pages]).toEqual([75, 75, 3]);
  });

  it("finds the same with a search that only its first page repeats", async () => {
    const { names, pages } = await browse("GRÖSSE & MORE".replace("SS", "ß"));
    expect([names.length, pages]).toEqual([38, 2]);
    expect(names.every((name) => Number(name.split("-")[1]) % 2 === 0)).toBe(true);
  });

  it("gets cursors that need no escaping in a URL", async () => {
    const { body } = await get("/v0.1/servers?limit=1&search=%C3%B6");
    expect((body as Page).metadata.nextCursor).toMatch(/^[A-Za-z0-9_-]+$/);
  });

  it("finds one server by its name, escaped or not", async () => {
    for (const name of ["com.acme%2Ftool-7", "com.acme/tool-7"]) {
      const { status, body } = await get(`/v0.1/servers/${name}/versions/latest`);
      expect([status, (body as Entry).server]).toMatchObject([
        200,
        { name: "com.acme/tool-7", version: "1.1.0" },
      ]);
    }
  });

  it("is told 404, and never 401 or 403, of what there is not", async () => {
    for (const path of [
      "/v0.1/servers/com.acme%2Fnone/versions/latest",
      "/v0.1/servers/none/versions/1",
      "/v0/x",
      "/.well-known/x",
    ])
      expect([path, (await get(path)).status]).toEqual([path, 404]);
  });
});
