import { createRequire } from "node:module";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "@jest/globals";
import { projectRoot } from "../../app/version.ts";

type PgCrypto = Record<string, (...inputs: unknown[]) => unknown>;
const load = createRequire(join(projectRoot, "package.json"));
const theirs = load("./node_modules/pg/lib/crypto/utils.js") as PgCrypto;
const ours = load("./scripts/prepare/pg-crypto.cjs") as PgCrypto;

describe("what stands in for node-postgres' cryptography", () => {
  it("has the same functions", () => {
    expect(Object.keys(ours).toSorted()).toEqual(Object.keys(theirs).toSorted());
  });

  const key = Buffer.from("a key of some bytes");
  it.each([
    ["deriveKey", ["pässword ✓", Buffer.from("salt"), 4096]],
    ["sha256", [Buffer.from([0, 255, 7])]],
    ["hashByName", ["SHA-256", key]],
    ["hashByName", ["SHA-384", key]],
    ["hashByName", ["SHA-512", key]],
    ["hmacSha256", [key, "n=*,r=über"]],
    ["md5", ["pässword"]],
    ["postgresMd5PasswordHash", ["user", "pässword", Buffer.from([1, 2, 250, 4])]],
  ])("%s gives what theirs gives: %j", async (name, inputs) => {
    const bytes = async (result: unknown): Promise<string> => {
      const value = (await result) as string | ArrayBuffer | Uint8Array;
      return typeof value === "string" ? value : Buffer.from(value as Uint8Array).toString("hex");
    };
    const expected = await bytes(theirs[name]!(...inputs));
    expect(expected).not.toBe("");
    expect(await bytes(ours[name]!(...inputs))).toBe(expected);
  });

  it("takes the bytes that theirs gives from one step to the next", async () => {
    const salted = await ours["deriveKey"]!("secret", Buffer.from("salt"), 1);
    const theirSalted = await theirs["deriveKey"]!("secret", Buffer.from("salt"), 1);
    const one = (await ours["hmacSha256"]!(salted, "Client Key")) as Uint8Array;
    const other = (await theirs["hmacSha256"]!(theirSalted, "Client Key")) as ArrayBuffer;
    expect(Buffer.from(one)).toEqual(Buffer.from(other));
  });

  it("makes random bytes of the length that is asked for", () => {
    expect((ours["randomBytes"]!(18) as Buffer).length).toBe(18);
    expect(ours["randomBytes"]!(18)).not.toEqual(ours["randomBytes"]!(18));
  });
});

describe("the bundles", () => {
  const bundleOf = (name: string): string =>
    readFileSync(join(projectRoot, "dist", "programs", `${name}.bundle.cjs`), "utf8");

  it.each(["migrate", "entrypoint", "registry", "server"])("log %s in with Node's own functions", (name) => {
    expect(bundleOf(name)).toContain("pbkdf2");
    expect(bundleOf(name)).not.toContain("subtleCrypto");
  });

  it.each(["migrate", "entrypoint", "registry", "server", "gate"])(
    "of %s opens Node's cryptography in one place, and not before it is used",
    (name) => {
      expect(bundleOf(name).match(/require\("(?:node:)?crypto"\)/g)).toHaveLength(1);
      expect(bundleOf(name)).toMatch(/=>\s*opened\w*\s*\?\?=\s*require\("node:crypto"\)/);
    },
  );

  it.each([
    ["server", "video/mp4"],
    ["server", "new Worker("],
    ["entrypoint", "new Worker("],
  ])("of %s have no %s", (name, text) => {
    expect(bundleOf(name)).not.toContain(text);
  });
});
