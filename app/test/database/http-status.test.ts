import { afterAll, beforeAll, beforeEach, describe, expect, it } from "@jest/globals";
import request from "supertest";
import { createTestApi, type TestApi } from "../support/api.ts";
import { acme, documentOf, everywhere, createTokenDatabase } from "../support/publisher.ts";
import { entryOf, importInto } from "../support/registry-fixture.ts";
import type { TestDatabase } from "../support/test-database.ts";

let database: TestDatabase;
let api: TestApi;

beforeAll(async () => {
  database = await createTokenDatabase();
  api = createTestApi(database);
});
beforeEach(async () => {
  await database.query("TRUNCATE server, server_version");
  await importInto(database, [
    entryOf("com.acme/weather", "1.0.0", { day: 1 }),
    entryOf("com.acme/weather", "1.1.0", { day: 2 }),
    entryOf("com.acme/weather", "2.0.0", { day: 3 }),
  ]);
});
afterAll(async () => {
  await api.close();
  await database.drop();
});

function patch(path: string, body: object | string, token: string | undefined = acme): request.Test {
  const test = request(api.app).patch(`/v0.1/servers/${path}`).set("Content-Type", "application/json");
  if (token !== "") test.set("Authorization", `Bearer ${token}`);
  return test.send(body);
}

const official = "io.modelcontextprotocol.registry/official";
interface Answer {
  server: { version: string };
  _meta: {
    [official]: {
      status: string;
      isLatest: boolean;
      updatedAt: string;
      statusChangedAt: string;
      statusMessage?: string;
    };
  };
}

/** `2.0.0 deleted`, with `*` behind the latest, newest published first. */
async function states(): Promise<string[]> {
  const { body } = await request(api.app).get("/v0.1/servers/com.acme/weather/versions?include_deleted=true");
  return (body.servers as Answer[]).map(stateOf);
}
const stateOf = ({ server, _meta }: Answer): string =>
  `${server.version} ${_meta[official].status}${_meta[official].isLatest ? "*" : ""}`;

describe("PATCH /servers/{name}/versions/{version}/status", () => {
  it.each(["com.acme%2Fweather", "com.acme/weather"])(
    "changes the status of one version of %s",
    async (name) => {
      const response = await patch(`${name}/versions/1.1.0/status`, {
        status: "deprecated",
        statusMessage: "Use 2",
      });
      expect([response.status, response.headers["cache-control"], response.body]).toEqual([
        200,
        "no-store",
        {
          server: { name: "com.acme/weather", version: "1.1.0" },
          _meta: {
            [official]: {
              status: "deprecated",
              statusMessage: "Use 2",
              statusChangedAt: expect.stringMatching(/^20(?!25-01)/),
              publishedAt: "2025-01-02T12:00:00Z",
              updatedAt: expect.stringMatching(/^20(?!25-01)/),
              isLatest: false,
            },
          },
        },
      ]);
      await expect(states()).resolves.toEqual(["2.0.0 active*", "1.1.0 deprecated", "1.0.0 active"]);
    },
  );

  it("hides a deleted version from those who do not ask for it, and gives the mark of the latest on", async () => {
    const before = new Date().toISOString();
    const { body } = await patch("com.acme/weather/versions/2.0.0/status", { status: "deleted" });
    expect(stateOf(body as Answer)).toBe("2.0.0 deleted");
    await expect(states()).resolves.toEqual(["2.0.0 deleted", "1.1.0 active*", "1.0.0 active"]);
    const get = (path: string): request.Test => request(api.app).get(`/v0.1/servers${path}`);
    expect((await get("/com.acme/weather/versions/2.0.0")).status).toBe(404);
    expect((await get("/com.acme/weather/versions/2.0.0?include_deleted=true")).status).toBe(200);
    expect((await get("/com.acme/weather/versions/latest")).body.server.version).toBe("1.1.0");
    expect((await get("")).body.metadata.count).toBe(2);
    // A mirror hears of both: of the one that was the latest, and of the one that is.
    const changed = (await get(`?updated_since=${before}`)).body.servers as Answer[];
    expect(changed.map(stateOf)).toEqual(["1.1.0 active*", "2.0.0 deleted"]);

    await patch("com.acme/weather/versions/2.0.0/status", { status: "active" });
    await expect(states()).resolves.toEqual(["2.0.0 active*", "1.1.0 active", "1.0.0 active"]);
  });

  it("gives the mark back to the highest where every version is deleted", async () => {
    for (const version of ["2.0.0", "1.0.0", "1.1.0"])
      await patch(`com.acme/weather/versions/${version}/status`, { status: "deleted" });
    await expect(states()).resolves.toEqual(["2.0.0 deleted*", "1.1.0 deleted", "1.0.0 deleted"]);
  });

  it("may change the message alone; the status has then not changed", async () => {
    const path = "com.acme/weather/versions/1.0.0/status";
    const first = (await patch(path, { status: "deprecated", statusMessage: "a" })).body as Answer;
    const second = (await patch(path, { status: "deprecated", statusMessage: "b" })).body as Answer;
    expect(second._meta[official]).toMatchObject({
      statusMessage: "b",
      statusChangedAt: first._meta[official].statusChangedAt,
    });
    expect(second._meta[official].updatedAt > first._meta[official].updatedAt).toBe(true);
    const third = (await patch(path, { status: "deprecated", statusMessage: "" })).body as Answer;
    expect(third._meta[official].statusMessage).toBe(undefined);
    const fourth = await patch(path, { status: "deprecated" });
    expect(fourth.status).toBe(400);
  });

  it("takes the message away with the status that it explained", async () => {
    await patch("com.acme/weather/versions/1.0.0/status", { status: "deleted", statusMessage: "broken" });
    const { body } = await patch("com.acme/weather/versions/1.0.0/status", { status: "active" });
    expect(body._meta[official]).not.toHaveProperty("statusMessage");
  });

  it.each([
    [400, { status: "active" }, "There is nothing to change: the status is active already."],
    [400, { status: "active", statusMessage: "x" }, "An active version has no statusMessage: leave it out."],
    [400, "{", /^The body is not JSON/],
    [422, {}, "status must be one of active, deprecated, deleted."],
    [422, [], "the body must be an object."],
    [
      422,
      { status: "gone", statusMessage: 1 },
      "status must be one of active, deprecated, deleted; statusMessage must be a string.",
    ],
    [
      422,
      { status: "deleted", statusMessage: "x".repeat(501) },
      /^statusMessage must be at most 500 characters long/,
    ],
    [422, { status: "deleted", statusMessage: "\0" }, /^statusMessage must be at most 500 characters long/],
  ])("answers %i to %j", async (status, body, detail) => {
    const response = await patch("com.acme/weather/versions/1.0.0/status", body);
    expect([response.status, response.body.detail]).toEqual([status, expect.stringMatching(detail)]);
  });

  it("says where in the body an error is", async () => {
    const { body } = await patch("com.acme/weather/versions/1.0.0/status", { status: 1 });
    expect(body.errors).toEqual([
      { message: "status must be one of active, deprecated, deleted", location: "body.status" },
    ]);
  });

  it("counts characters, not code units, of a message", async () => {
    const { status } = await patch("com.acme/weather/versions/1.0.0/status", {
      status: "deleted",
      statusMessage: "😀".repeat(500),
    });
    expect(status).toBe(200);
  });

  it.each([
    [401, "com.acme/weather/versions/1.0.0/status", ""],
    [401, "com.acme/weather/versions/1.0.0/status", "unknown"],
    [403, "org.other/x/versions/1.0.0/status", acme],
    [404, "com.acme/weather/versions/9.9.9/status", acme],
    [404, "com.acme/weather/versions/latest/status", acme],
    [404, "com.acme/nothing/versions/1.0.0/status", acme],
    [404, "com.acme/nothing/status", acme],
    [404, "%2F/status", everywhere],
  ])("answers %i for %s with the token %j", async (status, path, token) =>
    expect((await patch(path, { status: "deleted" }, token)).status).toBe(status),
  );
});

describe("PATCH /servers/{name}/status", () => {
  it("changes every version, and tells which had to", async () => {
    await patch("com.acme/weather/versions/1.1.0/status", { status: "deprecated" });
    const response = await patch("com.acme%2Fweather/status", { status: "deprecated" });
    expect([
      response.status,
      response.body.updatedCount,
      (response.body.servers as Answer[]).map(stateOf),
    ]).toEqual([200, 2, ["2.0.0 deprecated*", "1.0.0 deprecated"]]);
    expect((await patch("com.acme/weather/status", { status: "deprecated" })).status).toBe(400);
  });

  it("changes all of them or none", async () => {
    await database.query(
      "ALTER TABLE server_version ADD CONSTRAINT keeps_one CHECK (version <> '1.1.0' OR status <> 'deleted')",
    );
    const { status } = await patch("com.acme/weather/status", { status: "deleted" });
    await database.query("ALTER TABLE server_version DROP CONSTRAINT keeps_one");
    expect(status).toBe(500);
    await expect(states()).resolves.toEqual(["2.0.0 active*", "1.1.0 active", "1.0.0 active"]);
  });

  it("and publications at once end with one latest version, the right one", async () => {
    const work = Array.from({ length: 12 }, (_, index) => [
      request(api.app)
        .post("/v0.1/publish")
        .set("Authorization", `Bearer ${acme}`)
        .send(documentOf("com.acme/weather", `3.${index}.0`)),
      patch("com.acme/weather/versions/2.0.0/status", { status: index % 2 === 0 ? "deleted" : "active" }),
      patch("com.acme/weather/status", { status: index % 2 === 0 ? "deprecated" : "active" }),
    ]).flat();
    const statuses = (await Promise.all(work)).map(({ status }) => status);
    expect(statuses.filter((status) => status !== 200 && status !== 400)).toEqual([]);
    const latest = (await states()).filter((state) => state.endsWith("*"));
    expect(latest).toEqual([expect.stringMatching(/^3\.11\.0 /)]);
  });
});

describe("PUT and DELETE", () => {
  it.each(["put", "delete"] as const)("%s of a version is 501: versions are immutable", async (method) => {
    const agent = request(api.app);
    const { status, body } = await agent[method].bind(agent)(
      "/v0.1/servers/com.acme%2Fweather/versions/1.0.0",
    );
    expect([status, body.detail]).toEqual([501, "Versions are immutable: publish a new one instead."]);
  });
});
