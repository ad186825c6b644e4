import { afterAll, beforeAll, beforeEach, describe, expect, it } from "@jest/globals";
import request from "supertest";
import { createTestApi, type TestApi } from "../support/api.ts";
import { acme, documentOf, everywhere, createTokenDatabase } from "../support/publisher.ts";
import type { TestDatabase } from "../support/test-database.ts";

let database: TestDatabase;
let api: TestApi;

beforeAll(async () => {
  database = await createTokenDatabase();
  api = createTestApi(database);
});
beforeEach(() => database.query("TRUNCATE server, server_version"));
afterAll(async () => {
  await api.close();
  await database.drop();
});

const bearer = (token: string): string => `Bearer ${token}`;

function post(path: string, body: object | string, token?: string): request.Test {
  const test = request(api.app).post(`/v0.1${path}`).set("Content-Type", "application/json");
  if (token !== undefined) test.set("Authorization", bearer(token));
  return test.send(body);
}
const publish = (body: object | string, token = everywhere): request.Test => post("/publish", body, token);

interface Mark {
  readonly version: string;
  readonly latest: boolean;
}

const marks = async (): Promise<unknown> =>
  database.query("SELECT version, is_latest AS latest FROM server_version ORDER BY version");

describe("POST /publish", () => {
  it("stores the document byte for byte and says where it is", async () => {
    const text = `\n{ "version" : "1.0.0+b/1",\t"name":"com.acme/weather", "description": "Ra\\u0069n",\n "n": 1.0e2 }\n`;
    const response = await publish(text, acme);
    expect([response.status, response.headers]).toMatchObject([
      200,
      {
        location: "/v0.1/servers/com.acme%2Fweather/versions/1.0.0%2Bb%2F1",
        "cache-control": "no-store",
        "content-type": "application/json; charset=utf-8",
      },
    ]);
    expect(response.text).toContain(`{"server":${text.trim()},"_meta":{`);
    const { _meta: meta } = response.body as { _meta: Record<string, { publishedAt: string }> };
    const official = meta["io.modelcontextprotocol.registry/official"]!;
    expect(official).toEqual({
      status: "active",
      statusChangedAt: official.publishedAt,
      publishedAt: expect.stringMatching(/^20\d\d-\d\d-\d\dT[\d:.]+Z$/),
      updatedAt: expect.any(String),
      isLatest: true,
    });
    const read = await request(api.app).get(String(response.headers["location"]));
    expect([read.status, read.text]).toEqual([200, response.text]);
    const found = await request(api.app).get("/v0.1/servers?search=RAIN");
    expect(found.body.servers).toHaveLength(1);
  });

  it.each(["/v0", "/api/v0", "/api/v0.1"])("answers at %s and gives that address", async (base) => {
    const response = await request(api.app)
      .post(`${base}/publish`)
      .set("Authorization", bearer(acme))
      .send(documentOf("com.acme/weather", "1.0.0"));
    expect([response.status, response.headers["location"]]).toEqual([
      200,
      `${base}/servers/com.acme%2Fweather/versions/1.0.0`,
    ]);
  });

  it("keeps of _meta what the publisher provides, and nothing else", async () => {
    const publisher = "io.modelcontextprotocol.registry/publisher-provided";
    const official = "io.modelcontextprotocol.registry/official";
    const head = '"name":"com.acme/weather","description":"Rain"';
    const first = await publish(
      `{${head},"version":"1.0.0", "_meta" : {"${official}":{"isLatest":false},"${publisher}": { "a":[1 ] }} ,"x":1}`,
    );
    expect(first.text).toContain(
      `{${head},"version":"1.0.0", "_meta" : {"${publisher}":{ "a":[1 ] }} ,"x":1}`,
    );
    const second = await publish(`{${head},"version":"2.0.0","_meta":{"com.acme/x":1}}`);
    expect(second.body.server).toMatchObject({ _meta: {} });
    expect(second.text).toContain('"_meta":{}}');
  });

  it("moves the mark of the latest version, and both versions have a new updatedAt", async () => {
    await publish(documentOf("com.acme/weather", "1.9.0"));
    await publish(documentOf("com.acme/weather", "1.10.0-rc.1"));
    await publish(documentOf("com.acme/weather", "0.1.0"));
    await expect(marks()).resolves.toEqual([
      { version: "0.1.0", latest: false },
      { version: "1.10.0-rc.1", latest: true },
      { version: "1.9.0", latest: false },
    ]);
    const before = new Date().toISOString();
    await publish(documentOf("com.acme/weather", "1.10.0"));
    const { body } = await request(api.app).get(`/v0.1/servers?updated_since=${before}`);
    expect(body.servers.map(({ server }: { server: Mark }) => server.version)).toEqual([
      "1.10.0",
      "1.10.0-rc.1",
    ]);
  });

  it("refuses a version that is there already, whatever its content, and says so", async () => {
    await publish(documentOf("com.acme/weather", "1.0.0"));
    const { status, body } = await publish(documentOf("com.acme/weather", "1.0.0", { title: "Other" }));
    expect([status, body]).toMatchObject([
      409,
      {
        code: "already-exists",
        detail:
          "Version 1.0.0 of com.acme/weather is published already, and a version never changes. Publish another version.",
      },
    ]);
    const { body: stored } = await request(api.app).get("/v0.1/servers/com.acme/weather/versions/1.0.0");
    expect(stored.server.title).toBe(undefined);
  });

  it("leaves exactly one latest version, the right one, after 100 publications at once", async () => {
    const versions = Array.from({ length: 100 }, (_, index) => `${index % 10}.${Math.floor(index / 10)}.0`);
    const answers = await Promise.all(
      versions.map((version) => publish(documentOf("com.acme/busy", version))),
    );
    expect([...new Set(answers.map(({ status }) => status))]).toEqual([200]);
    const stored = (await marks()) as Mark[];
    expect([stored.length, stored.filter(({ latest }) => latest)]).toEqual([
      100,
      [{ version: "9.9.0", latest: true }],
    ]);
  });

  it("leaves the newest by date where no version is semantic, also after many at once", async () => {
    const answers = await Promise.all(
      Array.from({ length: 30 }, (_, index) => publish(documentOf("com.acme/dated", `build-${index}`))),
    );
    expect([...new Set(answers.map(({ status }) => status))]).toEqual([200]);
    const wrong = await database.query(
      "SELECT FROM server_version v WHERE is_latest <> (published_at = (SELECT max(published_at) FROM server_version))",
    );
    expect(wrong).toEqual([]);
  });

  it("takes one of many publications of the same version at once, and refuses the others", async () => {
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, index) =>
        publish(documentOf("com.acme/race", "1.0.0", { title: `T${index}` })),
      ),
    );
    const statuses = answers.map(({ status }) => status).toSorted((a, b) => a - b);
    expect(statuses).toEqual([200, ...Array.from({ length: 19 }, () => 409)]);
    await expect(marks()).resolves.toEqual([{ version: "1.0.0", latest: true }]);
  });

  it.each([
    ["no token", undefined, 'Bearer realm="registry"'],
    ["an unknown token", "Bearer unknown", 'Bearer realm="registry", error="invalid_token"'],
    ["another scheme", "Basic YTpi", 'Bearer realm="registry"'],
    ["an empty token", "Bearer ", 'Bearer realm="registry"'],
  ])("answers 401 to %s", async (_what, authorization, challenge) => {
    const test = request(api.app).post("/v0.1/publish");
    if (authorization !== undefined) test.set("Authorization", authorization);
    const response = await test.send(documentOf("com.acme/weather", "1.0.0"));
    expect([response.status, response.headers["www-authenticate"], response.body.code]).toEqual([
      401,
      challenge,
      "unauthorized",
    ]);
  });

  it("answers 403 where the token does not cover the name, before it says anything about the document", async () => {
    const { status, body } = await publish({ name: "org.other/x", version: 1 }, acme);
    expect([status, body]).toMatchObject([
      403,
      { detail: 'The token does not cover the server "org.other/x".' },
    ]);
  });

  it("answers 422 with every error, and where it is", async () => {
    const { status, body } = await publish({
      ...documentOf("com.acme/weather", "1.x"),
      packages: [
        { registryType: "npm", identifier: "x", transport: { type: "sse", url: "http://localhost:{port}" } },
      ],
    });
    expect([status, body]).toMatchObject([
      422,
      {
        code: "unprocessable",
        errors: [
          { message: "version must be one version, not a range", location: "body.version" },
          { message: expect.stringContaining("uses {port}"), location: "body.packages[0].transport.url" },
        ],
      },
    ]);
    await expect(marks()).resolves.toEqual([]);
  });

  it("names the first errors only in its sentence, when there are many", async () => {
    const { body } = await publish({ name: "com.acme/x", icons: Array.from({ length: 9 }, () => ({})) });
    expect([body.errors.length, body.detail]).toEqual([11, expect.stringMatching(/; and 6 more\.$/)]);
  });

  it.each([
    ["{", 400, "invalid-request"],
    ["", 400, "invalid-request"],
    ["[]", 422, "unprocessable"],
    ["null", 422, "unprocessable"],
    [`{"x":${"[".repeat(200)}${"]".repeat(200)}}`, 422, "unprocessable"],
    ['{"name":"com.acme/x","version":"1","description":"a\\u0000b"}', 422, "unprocessable"],
    [`{"x":"${"x".repeat(256 * 1024)}"}`, 413, "too-large"],
  ])("answers a body like %.20j with %i", async (text, status, code) => {
    const response = await publish(text);
    expect([response.status, response.body.code]).toEqual([status, code]);
  });

  it("answers 413 to a body without a length, too, and reads no further", async () => {
    const { status, body } = await new Promise<{ status: number; body: { code?: string } }>(
      (resolve, reject) => {
        const test = request(api.app)
          .post("/v0.1/publish")
          .set({ Authorization: bearer(acme), "Content-Type": "application/json" });
        for (let count = 0; count < 80; count++) test.write("x".repeat(4096));
        test.end((error, response) => (error ? reject(error as Error) : resolve(response)));
      },
    );
    expect([status, body.code]).toEqual([413, "too-large"]);
  });

  it.each([
    ["text/plain", 415],
    ["application/x-www-form-urlencoded", 415],
    ["application/json; charset=iso-8859-1", 415],
    ["application/json; charset=UTF-8", 200],
    ["application/vnd.acme+json", 200],
  ])("answers the content type %s with %i", async (type, status) => {
    const response = await request(api.app)
      .post("/v0.1/publish")
      .set({ Authorization: bearer(acme), "Content-Type": type })
      .send(JSON.stringify(documentOf("com.acme/weather", "1.0.0")));
    expect(response.status).toBe(status);
  });

  it("takes nothing compressed and nothing that is not UTF-8", async () => {
    const compressed = await publish("{}").set("Content-Encoding", "gzip");
    expect(compressed.status).toBe(415);
    const latin = await request(api.app)
      .post("/v0.1/publish")
      .set({ Authorization: bearer(acme), "Content-Type": "application/json" })
      .serialize((body: unknown) => body as string)
      .send(Buffer.from('{"x":"\xfc"}', "latin1") as unknown as string);
    expect([latin.status, latin.body.detail]).toEqual([400, "The body is not valid UTF-8."]);
  });
});

describe("POST /validate", () => {
  it("says what publishing would say, without a token, and stores nothing", async () => {
    const valid = await post("/validate", documentOf("com.acme/weather", "1.0.0"));
    expect([valid.status, valid.headers["cache-control"], valid.body]).toEqual([
      200,
      "no-store",
      { valid: true, issues: [] },
    ]);
    const invalid = await post(
      "/validate",
      documentOf("com.acme/weather", "1.0.0", { remotes: [{ type: "sse", url: "http://localhost" }] }),
    );
    expect([invalid.status, invalid.body]).toEqual([
      200,
      {
        valid: false,
        issues: [
          { type: "semantic", path: "remotes[0].url", message: "must be an https URL", severity: "error" },
          {
            type: "semantic",
            path: "remotes[0].url",
            message: "must not be an address of the local machine",
            severity: "error",
          },
        ],
      },
    ]);
    await expect(marks()).resolves.toEqual([]);
  });

  it.each([
    ["{", 400],
    [`"${"x".repeat(300_000)}"`, 413],
  ])("answers %.5s… with %i", async (text, status) =>
    expect((await post("/validate", text)).status).toBe(status),
  );

  it("answers 415 to what is not JSON", async () =>
    expect((await request(api.app).post("/v0.1/validate").type("text").send("{}")).status).toBe(415));
});
