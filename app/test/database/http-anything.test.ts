import { once } from "node:events";
import { request as httpRequest, type IncomingMessage } from "node:http";
import { text as readText } from "node:stream/consumers";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { openListener, type Listener } from "../../http/listener.ts";
import { createTestApi, type TestApi } from "../support/api.ts";
import { documentOf, everywhere, createTokenDatabase } from "../support/publisher.ts";
import { entryOf, importInto } from "../support/registry-fixture.ts";
import type { TestDatabase } from "../support/test-database.ts";

let database: TestDatabase;
let api: TestApi;
let listener: Listener;

beforeAll(async () => {
  database = await createTokenDatabase();
  await importInto(database, [entryOf("com.acme/weather", "1.0.0"), entryOf("com.acme/weather", "2.0.0")]);
  api = createTestApi(database);
  listener = await openListener(api.app, { address: { host: "127.0.0.1", port: 0 }, setting: "PORT" });
});
afterAll(async () => {
  await listener.close(0);
  await api.close();
  await database.drop();
});

interface Sent {
  readonly method: string;
  readonly path: string;
  readonly headers?: Record<string, string>;
  readonly body?: string | Buffer;
}

async function send({ method, path, headers = {}, body }: Sent): Promise<{ status: number; text: string }> {
  const sent = httpRequest({ host: "127.0.0.1", port: listener.port, method, path, headers });
  sent.end(body);
  const [response] = (await once(sent, "response")) as [IncomingMessage];
  return { status: response.statusCode ?? 0, text: await readText(response) };
}

/** Whatever is sent: no fault of ours, no words from the inside, and (see contract-check) what openapi.yaml says. */
async function isAnsweredWell(sent: Sent): Promise<void> {
  const { status, text } = await send(sent);
  expect([sent, status, status < 500 || status === 501]).toEqual([sent, status, true]);
  expect(text).not.toMatch(/SELECT|INSERT|node_modules|\.ts:\d/);
}

const character = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom(..."abZ09.-_/~%&=+:;@!$'()*,?".split("")) },
  {
    weight: 1,
    arbitrary: fc.constantFrom(
      "%00",
      "%2F",
      "%2f",
      "%5C",
      "%",
      "%zz",
      "%FF",
      "%C3%BC",
      "%F0%9F%98%80",
      "%ED%A0%80",
      "//",
      "..",
      "\\",
      "[",
      "]",
      "|",
      "`",
      "{",
      "}",
      '"',
      "<",
      "^",
    ),
  },
);
const text = fc.array(character, { maxLength: 30 }).map((parts) => parts.join(""));
const method = fc.constantFrom("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND");
const base = fc.constantFrom("/v0.1", "/v0", "/api/v0", "/api/v0.1", "");
const name = fc.oneof(fc.constantFrom("com.acme%2Fweather", "com.acme/weather"), text);
const version = fc.oneof(fc.constantFrom("latest", "1.0.0"), text);
const path = fc.oneof(
  fc.tuple(base, text).map(([start, rest]) => `${start}/${rest}`),
  fc
    .tuple(base, name, version, fc.constantFrom("", "/status", "/"))
    .map(([start, one, other, end]) => `${start}/servers/${one}/versions/${other}${end}`),
  fc
    .tuple(base, name, fc.constantFrom("/versions", "/status"))
    .map(([start, one, end]) => `${start}/servers/${one}${end}`),
);
const parameter = fc.tuple(
  fc.constantFrom(
    "cursor",
    "limit",
    "search",
    "updated_since",
    "version",
    "include_deleted",
    "__proto__",
    "x[]",
    "limit[a]",
  ),
  fc.oneof(
    text,
    fc.constantFrom(
      "true",
      "1",
      "100",
      "latest",
      "2025-01-01T00:00:00Z",
      "-1",
      "1e9",
      "9999-12-31T23:59:59Z",
      "0001-01-01T00:00:00+23:59",
    ),
  ),
);
const query = fc
  .array(parameter, { maxLength: 4 })
  .map((pairs) => pairs.map(([key, value]) => `${key}=${value}`).join("&"));

/** Almost a server.json. */
const document = fc
  .tuple(
    fc.constantFrom("com.acme/weather", "a/b", "a/-b", "x"),
    fc.oneof(
      fc.string({ maxLength: 20, unit: "binary" }),
      fc.constantFrom("1.0.0", "2.0.0-a", "latest", "1.x", ""),
    ),
    fc.dictionary(
      fc.constantFrom(
        "title",
        "description",
        "packages",
        "remotes",
        "icons",
        "_meta",
        "repository",
        "websiteUrl",
        "$schema",
        "__proto__",
        "constructor",
      ),
      fc.jsonValue(),
    ),
  )
  .map(([serverName, serverVersion, more]) => JSON.stringify(documentOf(serverName, serverVersion, more)));
const status = fc
  .record(
    {
      status: fc.oneof(fc.constantFrom("active", "deprecated", "deleted"), fc.jsonValue()),
      statusMessage: fc.oneof(fc.string({ unit: "binary" }), fc.jsonValue()),
    },
    { requiredKeys: [] },
  )
  .map((body) => JSON.stringify(body));
const body = fc.oneof(
  document,
  status,
  fc.jsonValue().map((value) => JSON.stringify(value)),
  fc.json(),
  fc.string({ unit: "binary" }),
  fc.uint8Array().map((bytes) => Buffer.from(bytes)),
);

describe("whatever is asked", () => {
  it("by a path and a query", async () =>
    fc.assert(
      fc.asyncProperty(method, path, query, async (verb, place, search) =>
        isAnsweredWell({ method: verb, path: encodeURI(`${place}?${search}`).replaceAll("%25", "%") }),
      ),
      { numRuns: 600 },
    ));

  it("by a list's parameters", async () =>
    fc.assert(
      fc.asyncProperty(base, query, async (start, search) =>
        isAnsweredWell({
          method: "GET",
          path: `${start}/servers?${encodeURI(search).replaceAll("%25", "%")}`,
        }),
      ),
      { numRuns: 600 },
    ));

  it("by a cursor made of anything", async () =>
    fc.assert(
      fc.asyncProperty(
        fc.array(fc.oneof(text, fc.constantFrom("1", "com.acme/weather", "latest", "deleted")), {
          maxLength: 8,
        }),
        async (fields) =>
          isAnsweredWell({
            method: "GET",
            path: `/v0/servers?cursor=${Buffer.from(fields.join("\0")).toString("base64url")}`,
          }),
      ),
      { numRuns: 200 },
    ));

  it("by a body", async () =>
    fc.assert(
      fc.asyncProperty(
        fc.constantFrom<[string, string]>(
          ["POST", "/v0.1/publish"],
          ["POST", "/v0.1/validate"],
          ["PATCH", "/v0.1/servers/com.acme%2Fweather/versions/1.0.0/status"],
          ["PATCH", "/v0.1/servers/com.acme%2Fweather/status"],
        ),
        body,
        fc.constantFrom(
          "application/json",
          "application/json;charset=utf-8",
          "text/plain",
          "application/x+json",
        ),
        async ([verb, place], content, type) =>
          isAnsweredWell({
            method: verb,
            path: place,
            headers: { Authorization: `Bearer ${everywhere}`, "Content-Type": type },
            body: content,
          }),
      ),
      { numRuns: 800 },
    ));

  it("leaves every server with exactly one latest version", async () => {
    const wrong = await database.query(
      "SELECT server_name FROM server_version GROUP BY server_name HAVING count(*) FILTER (WHERE is_latest) <> 1",
    );
    expect(wrong).toEqual([]);
  });
});
