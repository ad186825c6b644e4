import { renameSync, writeFileSync } from "node:fs";
import { afterEach, describe, expect, it } from "@jest/globals";
import { acme, everywhere, lineOf, writeTokens } from "../test/support/publisher.ts";
import { parsePublishTokens, PublishTokens } from "./publish-tokens.ts";

const made: { remove(): void }[] = [];
afterEach(() => made.splice(0).forEach((file) => file.remove()));

function tokenFile(): string {
  const tokens = writeTokens();
  made.push(tokens);
  return tokens.file;
}

const fail = (): never => {
  throw new Error("no problem was expected");
};

describe("a file of tokens", () => {
  it("lets each token publish what its pattern covers", () => {
    const tokens = new PublishTokens(tokenFile(), fail);
    const may = (token: string, name: string): boolean | undefined => tokens.find(token)?.mayPublish(name);
    expect([may(everywhere, "com.acme/x"), may(everywhere, "org.other/x")]).toEqual([true, true]);
    expect([may(acme, "com.acme/x"), may(acme, "com.acme2/x"), may(acme, "com.acme.sub/x")]).toEqual([
      true,
      false,
      false,
    ]);
    expect([may("", "com.acme/x"), may(`${acme} `, "com.acme/x")]).toEqual([undefined, undefined]);
  });

  it("may give one token several patterns, and single names", () => {
    const file = tokenFile();
    writeFileSync(file, `${lineOf("t", "com.acme/one")}\r\n${lineOf("t", "org.zeta/*")}`);
    const publisher = new PublishTokens(file, fail).find("t");
    expect(
      ["com.acme/one", "com.acme/one2", "org.zeta/x"].map((name) => publisher?.mayPublish(name)),
    ).toEqual([true, false, true]);
  });

  it("is read again when it changes; one that is wrong by then changes nothing, and is told once", () => {
    const file = tokenFile();
    const problems: string[] = [];
    const tokens = new PublishTokens(file, ({ message }) => problems.push(message));
    const replace = (text: string): void => {
      writeFileSync(`${file}.new`, text);
      renameSync(`${file}.new`, file);
    };
    replace(lineOf("another", "*"));
    expect([tokens.find(everywhere), tokens.find("another")?.mayPublish("a/b")]).toEqual([undefined, true]);
    replace("nonsense");
    expect([tokens.find("another")?.mayPublish("a/b"), tokens.find("x"), problems.length]).toEqual([
      true,
      undefined,
      1,
    ]);
    expect(problems[0]).toContain("line 1 does not begin with a SHA-256 digest");
  });

  it("that is not there is told with its setting", () =>
    expect(() => new PublishTokens("/not/there", fail)).toThrow(
      expect.objectContaining({
        code: "configuration",
        message: expect.stringMatching(/^REGISTRY_PUBLISH_TOKENS_FILE: ENOENT/),
      }),
    ));

  it("is refused with every line that is wrong, and without showing what may be a secret", () => {
    const digest = "a".repeat(64);
    const text = [
      "s3cret-token com.acme/*",
      "",
      digest,
      `${digest} com.acme`,
      `${digest} com.acme/* x`,
      `${digest} */*`,
      `${digest} *`,
    ].join("\n");
    expect(() => parsePublishTokens(text, "tokens")).toThrow(
      "REGISTRY_PUBLISH_TOKENS_FILE (tokens): line 1 does not begin with a SHA-256 digest of 64 hexadecimal digits; " +
        "line 3 has no namespace pattern; line 4 has a pattern that is not `*`, `namespace/*` or `namespace/name`; " +
        "line 5 has more than two words; line 6 has a pattern that is not `*`, `namespace/*` or `namespace/name`. " +
        "A line is `<sha256 of a token> <namespace pattern>`.",
    );
  });

  it("without a token is a mistake", () =>
    expect(() => parsePublishTokens("# none\n", "tokens")).toThrow(/it holds no token/));
});
