import { describe, expect, it } from "@jest/globals";
import { validateServer } from "./validate-server.ts";

const schema = "https://static.modelcontextprotocol.io/schemas/2025-12-11/server.schema.json";
const good = { $schema: schema, name: "com.acme/weather", description: "Rain", version: "1.0.0" };
const npm = { registryType: "npm", identifier: "weather", version: "1.0.0", transport: { type: "stdio" } };
const publisher = "io.modelcontextprotocol.registry/publisher-provided";

/** `error schema name: is required` */
const said = (document: unknown): string[] =>
  validateServer(typeof document === "string" ? document : JSON.stringify(document)).issues.map(
    ({ severity, type, path, message }) => `${severity} ${type} ${path}: ${message}`,
  );

const httpPackage = (url: string, more: object = {}): object => ({
  ...good,
  packages: [{ ...npm, transport: { type: "sse", url }, ...more }],
});
const remote = (url: string, more: object = {}): object => ({
  ...good,
  remotes: [{ type: "streamable-http", url, ...more }],
});

describe("a server.json", () => {
  it.each([
    ["of the least members", good],
    [
      "with members that nobody knows",
      { ...good, extra: [null], repository: { url: "https://a.b/", source: "x", y: 1 } },
    ],
    ["with a remote", remote("https://mcp.acme.com/sse")],
    [
      "with a remote whose variables are declared",
      remote("https://{region}.acme.com/{path}", { variables: { region: {}, path: {} } }),
    ],
    ["with a package that listens on the user's machine", httpPackage("http://localhost:3000/sse")],
    [
      "with a package whose URL refers to its arguments",
      httpPackage("http://{host}:{port}/{PATH_NAME}", {
        packageArguments: [
          { type: "named", name: "--port" },
          { type: "positional", valueHint: "host" },
        ],
        environmentVariables: [{ name: "PATH_NAME" }],
      }),
    ],
    ["with 100 characters of four bytes", { ...good, description: "😀".repeat(100) }],
    ["with what its publisher provides", { ...good, _meta: { [publisher]: { tool: "x" } } }],
  ])("%s is valid", (_title, document) => {
    expect(said(document)).toEqual([]);
    expect(validateServer(JSON.stringify(document))).toMatchObject({ valid: true, document });
  });

  it.each([
    [[], ["error schema : must be an object"]],
    [null, ["error schema : must be an object"]],
    [
      {},
      [
        "error schema name: is required",
        "error schema description: is required",
        "error schema version: is required",
      ],
    ],
    [
      { ...good, name: "weather", title: "", description: "x".repeat(101) },
      [
        "error schema name: must have the form namespace/name, of letters, digits, dots, hyphens, and underscores after the slash",
        "error schema description: must be 1 to 100 characters long",
        "error schema title: must be 1 to 100 characters long",
      ],
    ],
    [{ ...good, version: 1 }, ["error schema version: must be a string"]],
    [{ ...good, packages: {} }, ["error schema packages: must be an array"]],
    [
      { ...good, packages: [{ ...npm, version: "latest", fileSha256: "ABC", environmentVariables: [{}] }] },
      [
        "error schema packages[0].version: must be one version, not `latest`",
        "error schema packages[0].fileSha256: must be a SHA-256 digest: 64 of 0-9 and a-f",
        "error schema packages[0].environmentVariables[0].name: is required",
      ],
    ],
    [
      httpPackage("ftp://a"),
      ["error schema packages[0].transport.url: must be an http or https URL without white space"],
    ],
    [
      {
        ...good,
        packages: [
          { ...npm, transport: { type: "tcp" } },
          { ...npm, transport: 1 },
        ],
      },
      [
        'error schema packages[0].transport.type: must be "stdio" or "streamable-http" or "sse"',
        "error schema packages[1].transport: must be an object",
      ],
    ],
    [
      { ...good, packages: [{ ...npm, packageArguments: [{ name: "x" }, { type: "positional" }] }] },
      [
        'error schema packages[0].packageArguments[0].type: must be "positional" or "named"',
        "error schema packages[0].packageArguments[1]: must have a value or a valueHint",
      ],
    ],
    [
      { ...good, icons: [{ src: "https://a.b/c", theme: "blue", sizes: ["big"] }], websiteUrl: "acme.com" },
      [
        "error schema websiteUrl: must be a URI with a scheme, for example https://example.com/",
        "error schema icons[0].sizes[0]: must be like 48x48, or `any`",
        'error schema icons[0].theme: must be "light" or "dark"',
      ],
    ],
    [{ ...good, _meta: { [publisher]: [] } }, [`error schema _meta["${publisher}"]: must be an object`]],
  ])("that breaks the official rules is told which: %j", (document, issues) => {
    expect(said(document)).toEqual(issues);
    expect(validateServer(JSON.stringify(document)).valid).toBe(false);
  });

  it.each([
    [
      { ...good, name: ".acme/weather" },
      "name: must begin and end alphanumeric, before the slash and after it",
    ],
    [{ ...good, version: "latest" }, "version: must be 1 to 255 bytes long, and not `latest`"],
    [{ ...good, version: "" }, "version: must be 1 to 255 bytes long, and not `latest`"],
    [{ ...good, version: "^1.2.3" }, "version: must be one version, not a range"],
    [{ ...good, websiteUrl: "http://acme.com" }, "websiteUrl: must be an https URL"],
    [{ ...good, websiteUrl: "javascript:alert(1)" }, "websiteUrl: must be an https URL"],
    [{ ...good, repository: { url: "git://a.b/c", source: "x" } }, "repository.url: must be an https URL"],
    [{ ...good, icons: [{ src: "data:image/png;base64,AA" }] }, "icons[0].src: must be an https URL"],
    [remote("http://acme.com/sse"), "remotes[0].url: must be an https URL"],
    [remote("https://LOCALHOST/sse"), "remotes[0].url: must not be an address of the local machine"],
    [remote("https://a.localhost./sse"), "remotes[0].url: must not be an address of the local machine"],
    [remote("https://127.1:8443/"), "remotes[0].url: must not be an address of the local machine"],
    [remote("https://0/"), "remotes[0].url: must not be an address of the local machine"],
    [remote("https://[::1]/"), "remotes[0].url: must not be an address of the local machine"],
    [remote("https://[::ffff:127.0.0.1]/"), "remotes[0].url: must not be an address of the local machine"],
    [
      remote("https://a.b/{path}", { variables: { other: {} } }),
      "remotes[0].url: uses {path}, which is not declared: it must be the remote's `variables`",
    ],
    [
      httpPackage("http://localhost:{port}/"),
      "packages[0].transport.url: uses {port}, which is not declared: it must be a valueHint, an argument or an environment variable of the package",
    ],
    [httpPackage("http://[::/"), "packages[0].transport.url: must be a URL"],
    [
      { ...good, packages: [{ ...npm, version: "1.x" }] },
      "packages[0].version: must be one version, not a range",
    ],
    [
      { ...good, packages: [{ ...npm, registryType: "mcpb" }] },
      "packages[0].fileSha256: is required for a package of the type mcpb",
    ],
    [
      { ...good, _meta: { [publisher]: { text: "x".repeat(4086) } } },
      `_meta["${publisher}"]: must be at most 4096 bytes of JSON`,
    ],
  ])("of this registry must keep its own rules, too: %j", (document, issue) => {
    expect(said(document)).toEqual([`error semantic ${issue}`]);
  });

  it.each([
    ["a text", { ...good, x: [{ y: "a\0b" }] }, "x[0].y: must not hold a NUL character"],
    ["a name", { ...good, "a\0": 1 }, '["a\\u0000"]: must not have a NUL character in its name'],
  ])("holds no NUL in %s", (_place, document, issue) => {
    expect(said(document)).toEqual([`error json ${issue}`]);
  });

  it("has no member twice", () =>
    expect(said(`{"name":"evil/x",${JSON.stringify(good).slice(1)}`)).toEqual([
      'error json : must not have the member "name" twice in one object',
    ]));

  it("is not nested without end", () => {
    const deep = `{"x":${"[".repeat(100_000)}${"]".repeat(100_000)}}`;
    expect(said(deep)).toEqual(["error json : must not be nested deeper than 100"]);
  });

  it("is warned of what will happen otherwise than its author may think", () => {
    const { $schema: _, ...old } = good;
    const document = { ...old, version: "2.1", _meta: { "com.acme/x": {} } };
    expect(said(document)).toEqual([
      "warning semantic version: is no semantic version (1.2.3), so the latest one goes by date",
      `warning semantic $schema: is not ${schema}, whose rules are checked`,
      `warning semantic _meta["com.acme/x"]: is not kept: only ${publisher} is`,
    ]);
    expect(validateServer(JSON.stringify(document)).valid).toBe(true);
  });

  it("is JSON", () =>
    expect(() => validateServer("{")).toThrow(
      expect.objectContaining({
        code: "invalid-request",
        message: expect.stringMatching(/^The body is not JSON: /),
      }),
    ));
});
