import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import request from "supertest";
import { createTestApi, type TestApi } from "../support/api.ts";
import { withBlockedReads } from "../support/live-service.ts";
import { entryOf, importInto } from "../support/registry-fixture.ts";
import { configOf, createTestDatabase, type TestDatabase } from "../support/test-database.ts";

const script = `<script>alert("1")</script>`;
const trap = `"><img src=x onerror='alert(1)'>`;

let database: TestDatabase;
let api: TestApi;

beforeAll(async () => {
  database = await createTestDatabase({ template: "migrated" });
  api = createTestApi(database);
  await importInto(database, [
    ...Array.from({ length: 25 }, (_, number) => entryOf(`com.many/server-${number}`, "1.0.0")),
    entryOf("com.acme/weather", "1.0.0", {
      day: 1,
      title: "Old weather",
      status: "deleted",
      statusMessage: "It rained.",
    }),
    entryOf("com.acme/weather", "1.1.0", {
      day: 2,
      status: "deprecated",
      statusMessage: `Use 2.0.0 ${script}`,
    }),
    entryOf("com.acme/weather", "2.0.0", {
      day: 3,
      title: "Weather",
      description: "Rain 100% sure",
      websiteUrl: "https://weather.example/?a=1&b=2",
      repository: { url: "https://code.example/acme/weather", source: "code", subfolder: "server" },
      packages: [
        {
          registryType: "npm",
          identifier: "@acme/weather",
          version: "2.0.0",
          transport: { type: "stdio" },
          packageArguments: [{ type: "positional", valueHint: "city" }],
          environmentVariables: [
            { name: "WEATHER_KEY", description: "Ask us", isRequired: true, isSecret: true },
          ],
        },
      ],
      remotes: [
        { type: "sse", url: "https://{region}.weather.example/sse", headers: [{ name: "X-Region" }] },
      ],
    }),
    entryOf("com.gone/all", "1.0.0", { status: "deleted" }),
    entryOf("com.hostile/a", `1.0${trap}`, {
      title: script,
      description: trap,
      websiteUrl: "javascript:alert(1)",
      repository: { url: "JAVASCRIPT:alert(1)", subfolder: script },
      packages: [
        { registryType: trap, identifier: script, environmentVariables: [{ name: script }] },
        7,
        null,
      ],
      remotes: [{ type: script, url: trap }, "no remote"],
      icons: [{ src: "data:image/svg+xml,<svg onload=alert(1)>" }, { src: "https://icons.example/a.png" }],
    }),
    entryOf("com.hostile/b", "..", { title: { no: "text" }, description: 7, packages: "none", remotes: {} }),
  ]);
});
afterAll(async () => {
  await api.close();
  await database.drop();
});

/** As a browser asks. */
const accept = "text/html,application/xhtml+xml,application/xml;q=0.9,image/webp,*/*;q=0.8";
const visit = (path: string): request.Test => request(api.app).get(path).set("Accept", accept);

/** The addresses of all links of a page. */
const linksOf = (page: string): string[] =>
  [...page.matchAll(/<a\s[^>]*?href="([^"]*)"/g)].map(([, href = ""]) => href.replaceAll("&amp;", "&"));

/** The servers that a page of the catalogue leads to. */
const serversOf = (page: string): string[] =>
  linksOf(page).flatMap((href) => /^\/servers\/([^?]+)/.exec(href)?.[1] ?? []);

const nextOf = (page: string): string | undefined =>
  /<a href="([^"]*)" rel="next"/.exec(page)?.[1]?.replaceAll("&amp;", "&");

describe("the catalogue", () => {
  it("leads from page to page to every server once, in order", async () => {
    const found: string[] = [];
    let path: string | undefined = "/?limit=4";
    while (path !== undefined) {
      const { status, text } = await visit(path);
      expect([path, status]).toEqual([path, 200]);
      found.push(...serversOf(text));
      path = nextOf(text);
    }
    const all = await database.query(
      `SELECT name FROM server WHERE name <> 'com.gone/all' ORDER BY name COLLATE "C"`,
    );
    expect(found).toEqual(all.map(({ name }) => name));
  });

  it("leads back to the start", async () => {
    const { text } = await visit(nextOf((await visit("/?limit=4&search=many")).text)!);
    expect(linksOf(text)).toContain("/?search=many&limit=4");
  });

  it("finds what is in name, title or description, on further pages, too", async () => {
    expect(serversOf((await visit("/?search=RAIN+100%25")).text)).toEqual(["com.acme/weather"]);
    const first = (await visit("/?limit=20&search=SERVER-")).text;
    expect(first).toMatch(/<input[^>]*value="SERVER-"/);
    const second = (await visit(nextOf(first)!)).text;
    expect(second).toMatch(/<input[^>]*value="SERVER-"/);
    expect([...serversOf(first), ...serversOf(second)]).toHaveLength(25);
    expect(nextOf(second)).toBeUndefined();
  });

  it("says that nothing was found", async () => {
    const { status, text } = await visit("/?search=%3Cnothing%3E");
    expect([status, serversOf(text)]).toEqual([200, []]);
    expect(text).toContain("Found for “&lt;nothing&gt;”");
    expect(text).toContain("No name, title or description contains it.");
  });

  it("shows the latest version of a server, and deleted ones when asked for", async () => {
    const latest = (await visit("/?search=weather")).text;
    expect([latest.includes("2.0.0"), latest.includes("1.1.0")]).toEqual([true, false]);
    expect(serversOf((await visit("/?search=com.gone")).text)).toEqual([]);
    const deleted = (await visit("/?search=com.gone&include_deleted=true")).text;
    expect(linksOf(deleted)).toContain("/servers/com.gone/all?include_deleted=true");
    expect(deleted).toContain('<span class="badge deleted">deleted</span>');
  });

  it.each([
    [422, `/?search=${"x".repeat(201)}`, "search must be at most 200 characters long"],
    [422, "/?limit=0", "limit must be a whole number from 1 to 100"],
    [400, "/?cursor=nonsense", "The cursor is not one of this registry."],
    [400, "/?search=a%00", "search must not hold a NUL character"],
  ])("answers %i as a page for %.40s", async (status, path, detail) => {
    const response = await visit(path);
    expect([response.status, response.type]).toEqual([status, "text/html"]);
    expect(response.text).toContain(detail);
  });
});

describe("a server's page", () => {
  it("shows the latest version with all that its document says", async () => {
    const { status, text } = await visit("/servers/com.acme/weather");
    expect(status).toBe(200);
    for (const part of [
      "Rain 100% sure",
      '<a href="https://weather.example/?a=1&amp;b=2" rel="noopener nofollow ugc">',
      '<a href="https://code.example/acme/weather" rel="noopener nofollow ugc">',
      "<code>server</code>",
      "<code>@acme/weather</code>",
      "<code>city</code>",
      "<code>WEATHER_KEY</code>",
      "<code>https://{region}.weather.example/sse</code>",
      "<code>X-Region</code>",
      '<time datetime="2025-01-03T12:00:00Z"',
      'href="/v0.1/servers/com.acme%2Fweather/versions/2.0.0"',
    ]) {
      expect(text).toContain(part);
    }
    expect(text).toMatch(/<h1[^>]*>Weather<\/h1>/);
  });

  it("shows any of its versions, with its status and why", async () => {
    const { text } = await visit("/servers/com.acme/weather?version=1.1.0");
    expect(text).toContain("This version is deprecated");
    expect(text).toContain("Use 2.0.0 &lt;script&gt;");
  });

  it("shows deleted versions to those who ask for them", async () => {
    const without = (await visit("/servers/com.acme/weather")).text;
    expect(without).toContain("Versions: 2");
    const link = "/servers/com.acme/weather?include_deleted=true";
    expect(linksOf(without)).toContain(link);
    const all = (await visit(link)).text;
    expect(all).toContain("It rained.");
    const deleted = "/servers/com.acme/weather?version=1.0.0&include_deleted=true";
    expect(linksOf(all)).toContain(deleted);
    expect((await visit(deleted)).text).toContain("This version is deleted");
    expect((await visit("/servers/com.acme/weather?version=1.0.0")).status).toBe(404);
    expect((await visit("/servers/com.gone/all")).status).toBe(404);
    expect((await visit("/servers/com.gone/all?include_deleted=true")).status).toBe(200);
  });

  it("stands at the escaped name, too", async () => {
    expect((await visit("/servers/com.acme%2Fweather")).status).toBe(200);
  });

  it("can be had for versions that no path could name", async () => {
    const { text } = await visit("/servers/com.hostile/b");
    expect(linksOf(text)).toContain("/servers/com.hostile/b?version=..");
    expect((await visit("/servers/com.hostile/b?version=..")).status).toBe(200);
  });
});

describe("what a document says", () => {
  it.each(["/", "/servers/com.hostile/a", "/servers/com.hostile/b", "/?search=%3Cscript%3E"])(
    "is text on %s and nothing else",
    async (path) => {
      const { status, text } = await visit(path);
      expect(status).toBe(200);
      expect(text).not.toMatch(/<(?:script|img|svg|style|iframe|object|base|form[^>]*action="[^/])/i);
      expect(text).not.toMatch(/<[^>]*\s(?:on\w+|style|src)=[^>]*>/i);
      for (const href of linksOf(text)) expect(href).toMatch(/^(?:https?:\/\/|\/|#content$)/);
    },
  );

  it("becomes a link only where it leads to a web page", async () => {
    const { text } = await visit("/servers/com.hostile/a");
    const outside = linksOf(text).filter((href) => !/^[/#]/.test(href));
    expect(outside).toEqual(["https://icons.example/a.png"]);
    expect(text).toContain('<span class="text">javascript:alert(1)</span>');
  });
});

describe("the page about the schema", () => {
  it("says what is applied, what is needed, and how long it took", async () => {
    const { status, headers, text } = await visit("/schema");
    expect([status, headers["cache-control"]]).toEqual([200, "no-store"]);
    expect(text).toContain("<strong>Ready:</strong>");
    const [{ count, last }] = (await database.query(
      `SELECT (SELECT count(*)::int FROM schema_migrations), (SELECT name FROM schema_migration_runs WHERE state = 'applied' ORDER BY finished_at DESC LIMIT 1) AS last`,
    )) as [{ count: number; last: string }];
    const term = (name: string): string | undefined =>
      new RegExp(`<dt>${name}</dt>\\s*<dd>(.*?)</dd>`, "s")
        .exec(text)?.[1]
        ?.replaceAll(/<[^>]*>/g, "")
        .trim();
    expect(term("Applied up to")).toBe("000010_drop_deprecated");
    expect(term("This release needs")).toBe("000010_drop_deprecated");
    expect(term("Last migration")).toMatch(new RegExp(`^${last} \\d{4}-\\d\\d-\\d\\d \\d\\d:\\d\\d UTC$`));
    expect(term("It took")).toMatch(/^\d+ ms$|^\d+\.\d s$/);
    expect(text).toContain(`Applied: ${count}`);
  });

  it("names what is missing and what is deferred", async () => {
    const empty = await createTestDatabase();
    const other = createTestApi(empty);
    const { status, text } = await request(other.app).get("/schema").set("Accept", "text/html");
    expect(status).toBe(200);
    expect(text).toContain("9 migrations are not applied yet, first 000001_create_server_tables.");
    expect(text).toContain("<code>000009_create_updated_index</code>");
    // The catalogue has no table to read.
    expect((await request(other.app).get("/").set("Accept", "text/html")).status).toBe(503);
    await other.close();
    await empty.drop();
  });
});

describe("a page", () => {
  it.each(["/", "/servers/com.acme/weather", "/schema", "/servers/com.acme/nothing", "/?limit=0"])(
    "%s loads nothing but its stylesheet and runs nothing",
    async (path) => {
      const { headers, text } = await visit(path);
      expect(headers).toMatchObject({
        "content-type": "text/html; charset=utf-8",
        "content-security-policy":
          "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
        "x-content-type-options": "nosniff",
        "referrer-policy": "no-referrer",
        vary: expect.stringContaining("Accept"),
      });
      expect(text).toMatch(/^<!doctype html>\s*<html lang="en">/);
      expect([...text.matchAll(/<link [^>]*>/g)]).toHaveLength(1);
    },
  );

  it("need not be sent again while it is the same", async () => {
    const first = await visit("/servers/com.acme/weather");
    expect(first.headers["cache-control"]).toBe("public, max-age=0, must-revalidate");
    const again = await visit("/servers/com.acme/weather").set("If-None-Match", first.headers["etag"]!);
    expect([again.status, again.text]).toEqual([304, ""]);
  });

  it("has a stylesheet that may be kept for a year at the address that names its content", async () => {
    const path = /<link rel="stylesheet" href="([^"]+)"/.exec((await visit("/")).text)![1]!;
    const { status, headers } = await request(api.app).get(path);
    expect([status, headers["content-type"], headers["cache-control"]]).toEqual([
      200,
      "text/css; charset=utf-8",
      "public, max-age=31536000, immutable",
    ]);
    expect((await request(api.app).get(path).set("If-None-Match", headers["etag"]!)).status).toBe(304);
    const other = await request(api.app).get("/pages.css?v=of-another-release");
    expect([other.status, other.headers["cache-control"]]).toEqual([
      200,
      "public, max-age=0, must-revalidate",
    ]);
  });

  it.each(["/servers/com.acme/nothing", "/servers/com.acme/weather/more", "/servers/%zz", "/servers/x"])(
    "that is not there is told to a browser as a page, to a program as a problem: %s",
    async (path) => {
      const page = await visit(path);
      const isBroken = path.includes("%zz");
      expect([page.status, page.type]).toEqual([isBroken ? 400 : 404, "text/html"]);
      expect(page.text).toContain(page.headers["x-request-id"]);
      for (const type of ["application/json", "*/*"]) {
        const problem = await request(api.app).get(path).set("Accept", type);
        expect([problem.status, problem.type]).toEqual([isBroken ? 400 : 404, "application/problem+json"]);
      }
    },
  );

  it("is for browsers: programs get from / what they always got, and the API never answers with one", async () => {
    for (const type of ["application/json", "*/*"]) {
      const { status, body } = await request(api.app).get("/").set("Accept", type);
      expect([status, body.detail]).toEqual([
        404,
        "There is nothing at /. The registry's servers are at /v0.1/servers.",
      ]);
    }
    expect((await visit("/v0.1/servers?limit=1")).type).toBe("application/json");
    expect((await visit("/v0.1/servers/a/b/versions")).type).toBe("application/problem+json");
  });

  it("that was cut off finds the catalogue again", async () => {
    const { status, headers } = await visit("/servers");
    expect([status, headers["location"]]).toEqual([308, "/"]);
  });

  it("is read only", async () => {
    const { status, headers } = await request(api.app).post("/").set("Accept", "text/html");
    expect([status, headers["allow"]]).toEqual([405, "GET, HEAD, OPTIONS"]);
  });
});

describe("without the database", () => {
  const paths = ["/", "/servers/com.acme/weather", "/schema"];

  it.each(paths)("%s says when to come again", async (path) => {
    const away = createTestApi({ config: configOf("postgres://nobody@127.0.0.1:1/nothing") });
    const { status, headers, type, text } = await request(away.app).get(path).set("Accept", "text/html");
    expect([status, headers["retry-after"], type]).toEqual([503, "2", "text/html"]);
    expect(text).toContain("The registry cannot use its database right now.");
    expect(text).not.toMatch(/ECONNREFUSED|127\.0\.0\.1/);
    await away.close();
  });

  it.each(paths.slice(0, 2))("%s waits no longer than DATABASE_STATEMENT_TIMEOUT", async (path) => {
    const hasty = createTestApi({ config: configOf(database.url, { DATABASE_STATEMENT_TIMEOUT: "50ms" }) });
    await withBlockedReads(database, async () => {
      expect((await request(hasty.app).get(path).set("Accept", "text/html")).status).toBe(503);
    });
    await hasty.close();
  });
});
