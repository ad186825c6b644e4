import { readFileSync } from "node:fs";
import { Validator } from "@seriousme/openapi-schema-validator";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import request from "supertest";
import { parse } from "yaml";
import { openApiFile } from "../../http/openapi-route.ts";
import { createTestApi, type TestApi } from "../support/api.ts";
import { Contract } from "../support/contract.ts";
import { complaintsAbout, contract } from "../support/contract-check.ts";
import { itUnless } from "../support/it-unless.ts";
import { findRegistryData, readJsonLines, reasonWithout } from "../support/registry-data.ts";
import { entryOf, importInto } from "../support/registry-fixture.ts";
import { createTestDatabase, type TestDatabase } from "../support/test-database.ts";

let database: TestDatabase;
let api: TestApi;

beforeAll(async () => {
  database = await createTestDatabase({ template: "migrated" });
  api = createTestApi(database);
  await importInto(database, [entryOf("com.acme/weather", "1.0.0", { description: "Rain" })]);
});
afterAll(async () => {
  await api.close();
  await database.drop();
});

const text = readFileSync(openApiFile, "utf8");
const document: Record<string, unknown> = parse(text);

describe("openapi.yaml", () => {
  it("is a valid description in OpenAPI 3.1", async () => {
    const result = await new Validator().validate(structuredClone(document));
    expect([result.valid, result.errors]).toEqual([true, undefined]);
    const broken = { ...structuredClone(document), paths: { "/x": { get: { responses: { "200": {} } } } } };
    expect((await new Validator().validate(broken)).valid).toBe(false);
  });

  it("says what clients look for before they believe that this is a registry", () => {
    expect(document["info"]).toMatchObject({
      version: "1.0.0",
      description: expect.stringContaining("https://github.com/modelcontextprotocol/registry"),
    });
  });

  it("is served as it is, with an ETag", async () => {
    const response = await request(api.app).get("/openapi.yaml").buffer(true);
    expect([response.status, response.headers["content-type"], response.text]).toEqual([
      200,
      "application/yaml; charset=utf-8",
      text,
    ]);
    const again = await request(api.app)
      .get("/openapi.yaml")
      .set("If-None-Match", String(response.headers["etag"]));
    expect(again.status).toBe(304);
  });

  it("gives every operation an id of its own", () => {
    const ids = [...text.matchAll(/operationId: (\w+)/g)].map(([, id]) => id);
    expect([ids.length, new Set(ids).size]).toEqual([contract.operations().length, ids.length]);
  });

  it("describes what there is: no operation is answered with 404 or 405 for its path", async () => {
    for (const operation of contract.operations()) {
      const [method = "", template = ""] = operation.split(" ");
      const path = template.replace("{serverName}", "com.acme%2Fweather").replace("{version}", "1.0.0");
      const agent = request(api.app);
      const { status } = await agent[method.toLowerCase() as "get"].bind(agent)(path);
      expect([operation, [404, 405].includes(status)]).toEqual([operation, false]);
    }
  });
});

describe("the check of every answer against openapi.yaml", () => {
  const good = {
    method: "GET",
    path: "/v0/servers?limit=1",
    status: 200,
    headers: { "content-type": "application/json; charset=utf-8", etag: '"x"' },
    body: '{"servers":[],"metadata":{"count":0}}',
  };

  it("takes a right answer", () => expect(complaintsAbout(good)).toEqual([]));

  it.each([
    [
      "a member too much",
      { body: '{"servers":[],"metadata":{"count":0,"total":1}}' },
      /must NOT have additional properties/,
    ],
    [
      "an entry without _meta",
      { body: '{"servers":[{"server":{"name":"a/b","version":"1"}}],"metadata":{"count":1}}' },
      /'_meta'/,
    ],
    ["a header too few", { headers: { "content-type": "application/json" } }, /no header ETag/],
    [
      "another content type",
      { headers: { "content-type": "text/html", etag: "x" } },
      /content type text\/html/,
    ],
    ["an error that is no problem", { status: 422, body: '{"error":"x"}' }, /content type application\/json/],
    [
      "an unknown path that is answered with something else",
      {
        path: "/nothing",
        status: 404,
        headers: { "content-type": "application/problem+json" },
        body: '{"error":"x"}',
      },
      /required property 'type'/,
    ],
    ["a body with 304", { status: 304 }, /a body where none is said/],
  ])("objects to %s", (_what, change, complaint) =>
    expect(complaintsAbout({ ...good, ...change }).join("; ")).toMatch(complaint),
  );
});

const upstream = findRegistryData("../upstream/openapi.yaml");
const data = findRegistryData("servers.jsonl");

describe("the official description of the API", () => {
  itUnless(reasonWithout(upstream, data))("is kept by our answers about real data", async () => {
    const official = new Contract(parse(readFileSync(upstream ?? "", "utf8")));
    const other = await createTestDatabase({ template: "migrated" });
    await importInto(other, readJsonLines<object>(data ?? ""));
    const full = createTestApi(other);
    const complaints: unknown[] = [];
    const compare = async (
      template: string,
      path: string,
      expected = 200,
    ): Promise<Record<string, unknown>> => {
      const { status, body } = await request(full.app).get(path);
      const found =
        status === expected ? official.schemaComplaints("GET", template, status, body) : [`status ${status}`];
      if (found === undefined || found.length > 0) complaints.push([path, found]);
      return body as Record<string, unknown>;
    };
    let cursor: string | undefined;
    let pages = 0;
    do {
      const page = await compare(
        "/v0.1/servers",
        `/v0.1/servers?limit=100${cursor === undefined ? "" : `&cursor=${cursor}`}`,
      );
      cursor = (page["metadata"] as { nextCursor?: string }).nextCursor;
      pages++;
    } while (cursor !== undefined);
    const name = "ai.waystation%2Fpostgres";
    await compare("/v0.1/servers/{serverName}/versions", `/v0.1/servers/${name}/versions`);
    await compare("/v0.1/servers/{serverName}/versions/{version}", `/v0.1/servers/${name}/versions/latest`);
    await compare(
      "/v0.1/servers/{serverName}/versions/{version}",
      `/v0.1/servers/${name}/versions/9.9.9`,
      404,
    );
    await full.close();
    await other.drop();
    expect([pages, complaints]).toEqual([20, []]);
    expect(official.schemaComplaints("GET", "/v0.1/servers", 200, { servers: [{ _meta: {} }] })).not.toEqual(
      [],
    );
  });
});
