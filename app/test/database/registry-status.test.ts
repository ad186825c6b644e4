import { afterAll, beforeAll, beforeEach, describe, expect, it } from "@jest/globals";
import request from "supertest";
import { createTestApi, type TestApi } from "../support/api.ts";
import { entryOf, importInto, storedRows } from "../support/registry-fixture.ts";
import { createTestDatabase, type TestDatabase } from "../support/test-database.ts";

let database: TestDatabase;
let api: TestApi;
beforeAll(async () => {
  database = await createTestDatabase({ template: "migrated" });
  api = createTestApi(database);
});
beforeEach(() => database.query("TRUNCATE server CASCADE"));
afterAll(async () => {
  await api.close();
  await database.drop();
});

interface Entry {
  server: { name: string; version: string };
  _meta: { "io.modelcontextprotocol.registry/official": Record<string, unknown> };
}

async function get(path: string): Promise<{ status: number; body: Entry & { servers: Entry[] } }> {
  const { status, body } = await request(api.app).get(`/v0.1/servers${path}`);
  return { status, body: body as Entry & { servers: Entry[] } };
}

const keyOf = ({ server }: Entry): string => `${server.name}@${server.version}`;
const officialOf = ({ _meta }: Entry): object => _meta["io.modelcontextprotocol.registry/official"];

async function list(query = ""): Promise<string[]> {
  const { status, body } = await get(query);
  expect([query, status]).toEqual([query, 200]);
  return body.servers.map(keyOf);
}

const marked = async (): Promise<string[]> =>
  (await storedRows(database)).filter(({ latest }) => latest).map(({ key }) => key);

describe("the status of a version", () => {
  it("is answered with its message and since when", async () => {
    const message = "Use a.b/d instead";
    await importInto(database, [
      entryOf("a.b/c", "1", { day: 3, status: "deprecated", statusMessage: message }),
      entryOf("a.b/d", "1", { day: 4 }),
    ]);
    const { body } = await get("");
    const third = "2025-01-03T12:00:00Z";
    const fourth = "2025-01-04T12:00:00Z";
    expect(body.servers.map(officialOf)).toEqual([
      {
        status: "deprecated",
        statusMessage: message,
        statusChangedAt: third,
        publishedAt: third,
        updatedAt: third,
        isLatest: true,
      },
      { status: "active", statusChangedAt: fourth, publishedAt: fourth, updatedAt: fourth, isLatest: true },
    ]);
  });

  it("has changed when an import says otherwise, and stays when it says nothing", async () => {
    await importInto(database, [entryOf("a.b/c", "1", { status: "deprecated", statusMessage: "old" })]);
    await expect(importInto(database, [{ name: "a.b/c", version: "1" }])).resolves.toMatchObject({
      unchanged: 1,
    });
    await expect(
      importInto(database, [entryOf("a.b/c", "1", { status: "deprecated", statusMessage: "new" })]),
    ).resolves.toMatchObject({ updated: 1 });
    const read = (): Promise<unknown> =>
      database.query(
        "SELECT status, status_message AS message, status_changed_at > now() - interval '1 min' AS now FROM server_version",
      );
    await expect(read()).resolves.toEqual([{ status: "deprecated", message: "new", now: false }]);
    await importInto(database, [entryOf("a.b/c", "1")]);
    await expect(read()).resolves.toEqual([{ status: "active", message: null, now: true }]);
  });

  it("takes the date of the change from the entry where it says one", async () => {
    const entry = entryOf("a.b/c", "1", { status: "deleted" }) as Entry;
    Object.assign(officialOf(entry), { statusChangedAt: "2025-03-04T05:06:07.891234Z" });
    const read = async (): Promise<unknown> =>
      officialOf((await get("?include_deleted=true")).body.servers[0]!);
    await importInto(database, [entry]);
    await expect(read()).resolves.toMatchObject({ statusChangedAt: "2025-03-04T05:06:07.891234Z" });
    Object.assign(officialOf(entry), { statusChangedAt: "2025-03-05T00:00:00Z" });
    await expect(importInto(database, [entry])).resolves.toMatchObject({ updated: 1 });
    await expect(read()).resolves.toMatchObject({ statusChangedAt: "2025-03-05T00:00:00Z" });
    await expect(importInto(database, [entry])).resolves.toMatchObject({ unchanged: 1 });
  });
});

describe("a deleted version", () => {
  beforeEach(() =>
    importInto(database, [
      entryOf("a.b/c", "1.0.0", { day: 1 }),
      entryOf("a.b/c", "1.1.0", { day: 2, status: "deleted", statusMessage: "leaked a key" }),
      entryOf("a.b/gone", "1.0.0", { day: 3, status: "deleted" }),
      entryOf("a.b/gone", "2.0.0", { day: 4, status: "deleted" }),
    ]),
  );

  it("is in lists only where it is asked for, or what has changed is", async () => {
    const everything = ["a.b/c@1.0.0", "a.b/c@1.1.0", "a.b/gone@1.0.0", "a.b/gone@2.0.0"];
    await expect(list()).resolves.toEqual(["a.b/c@1.0.0"]);
    await expect(list("?include_deleted=false")).resolves.toEqual(["a.b/c@1.0.0"]);
    await expect(list("?include_deleted=true")).resolves.toEqual(everything);
    await expect(list("?updated_since=2025-01-01T12:00:00Z")).resolves.toEqual(everything.slice(1));
    await expect(list("?version=1.1.0")).resolves.toEqual([]);
    await expect(list("?search=gone")).resolves.toEqual([]);
    await expect(list("?search=gone&include_deleted=true")).resolves.toEqual(everything.slice(2));
  });

  it("is on later pages as it was on the first", async () => {
    const first = await get("?include_deleted=true&limit=1");
    const { nextCursor } = (first.body as unknown as { metadata: { nextCursor: string } }).metadata;
    await expect(list(`?cursor=${nextCursor}&limit=2`)).resolves.toEqual(["a.b/c@1.1.0", "a.b/gone@1.0.0"]);
  });

  it("is found among its server's versions only where it is asked for", async () => {
    await expect(list("/a.b/c/versions")).resolves.toEqual(["a.b/c@1.0.0"]);
    await expect(list("/a.b/c/versions?include_deleted=true")).resolves.toEqual([
      "a.b/c@1.1.0",
      "a.b/c@1.0.0",
    ]);
    await expect(list("/a.b/gone/versions?include_deleted=true")).resolves.toHaveLength(2);
    for (const path of ["/a.b/gone/versions", "/a.b/c/versions/1.1.0", "/a.b/gone/versions/latest"]) {
      expect([path, (await get(path)).status]).toEqual([path, 404]);
      if (path.endsWith("versions")) continue;
      const { status, body } = await get(`${path}?include_deleted=true`);
      expect([path, status, officialOf(body)]).toMatchObject([path, 200, { status: "deleted" }]);
    }
  });

  it("is not the latest, unless there are no others: then the highest of them is", async () => {
    await expect(marked()).resolves.toEqual(["a.b/c@1.0.0", "a.b/gone@2.0.0"]);
    await expect(list("?version=latest")).resolves.toEqual(["a.b/c@1.0.0"]);
    await expect(list("?version=latest&include_deleted=true")).resolves.toEqual([
      "a.b/c@1.0.0",
      "a.b/gone@2.0.0",
    ]);
  });

  it("hands the mark over when it is deleted, and takes it back when it returns", async () => {
    const lines = (status: string): object[] => [entryOf("a.b/c", "1.1.0", { day: 2, status })];
    await expect(importInto(database, lines("active"))).resolves.toMatchObject({
      updated: 1,
      latestMoved: 1,
    });
    await expect(marked()).resolves.toEqual(["a.b/c@1.1.0", "a.b/gone@2.0.0"]);
    await expect(importInto(database, lines("deleted"))).resolves.toMatchObject({
      updated: 1,
      latestMoved: 1,
    });
    await expect(marked()).resolves.toEqual(["a.b/c@1.0.0", "a.b/gone@2.0.0"]);
    await importInto(database, [entryOf("a.b/gone", "1.0.0", { day: 3 })]);
    await expect(marked()).resolves.toEqual(["a.b/c@1.0.0", "a.b/gone@1.0.0"]);
  });
});
