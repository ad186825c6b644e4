import { describe, expect, it, jest } from "@jest/globals";
import type { SnapshotReader } from "../registry/snapshot.ts";
import { ResponseCache } from "./response-cache.ts";
import type { SentDocument } from "./send-document.ts";

/** A database that answers this snapshot; an Error: it cannot be reached. */
class FakeSnapshots implements Pick<SnapshotReader, "last" | "read" | "forget"> {
  answer: string | null | Error = "1:1:";
  last: string | null | undefined;
  readonly read = jest.fn(async () => {
    await Promise.resolve();
    if (this.answer instanceof Error) throw this.answer;
    return (this.last = this.answer);
  });
  forget(): void {
    this.last = undefined;
  }
}

function createCache(size = 1024 * 1024): {
  snapshots: FakeSnapshots;
  cache: ResponseCache;
  get(url: string): Promise<string>;
  reads(): string[];
} {
  const snapshots = new FakeSnapshots();
  const cache = new ResponseCache(snapshots, size);
  const reads: string[] = [];
  const read = (url: string): Promise<SentDocument> => {
    reads.push(url);
    return Promise.resolve({ text: `${url} é ${reads.length}`, stamp: String(reads.length) });
  };
  return {
    snapshots,
    cache,
    get: async (url) => String((await cache.answer(url, () => read(url))).text),
    reads: () => reads.splice(0),
  };
}

describe("a response cache", () => {
  it("reads an answer once as long as the snapshot stays, and asks for that with each request", async () => {
    const { snapshots, cache, get, reads } = createCache();
    snapshots.last = "1:1:";
    expect([await get("/a"), await get("/a"), await get("/a"), await get("/b")]).toEqual([
      "/a é 1",
      "/a é 1",
      "/a é 1",
      "/b é 2",
    ]);
    expect(reads()).toEqual(["/a", "/b"]);
    expect(snapshots.read).toHaveBeenCalledTimes(2);
    expect(cache.use).toMatchObject({ hits: 2, misses: 2 });
  });

  it("reads again after any transaction, and keeps what it read then", async () => {
    const { snapshots, get } = createCache();
    snapshots.last = "1:1:";
    await get("/a");
    snapshots.answer = "1:2:";
    expect([await get("/a"), await get("/a")]).toEqual(["/a é 2", "/a é 2"]);
  });

  it("does not take for current what was read after a snapshot that was old already", async () => {
    const { snapshots, get } = createCache();
    snapshots.last = "1:1:";
    snapshots.answer = "1:2:";
    expect([await get("/a"), await get("/a"), await get("/a")]).toEqual(["/a é 1", "/a é 2", "/a é 2"]);
  });

  it("does not take for current what changed while it was read", async () => {
    const { snapshots, cache, get } = createCache();
    snapshots.last = "1:1:";
    await cache.answer("/a", () => {
      snapshots.last = snapshots.answer = "1:2:";
      return Promise.resolve({ text: "from before" });
    });
    expect([await get("/a"), await get("/a")]).toEqual(["/a é 1", "/a é 1"]);
  });

  it("lets nobody wait for the first snapshot", async () => {
    const { snapshots, get, reads } = createCache();
    let answer: (snapshot: string) => void = () => undefined;
    snapshots.read.mockReturnValueOnce(new Promise((resolve) => (answer = resolve)));
    expect(await get("/a")).toBe("/a é 1");
    answer("1:1:");
    snapshots.last = "1:1:";
    await get("/a");
    await get("/a");
    expect(reads()).toEqual(["/a", "/a"]);
  });

  it("keeps nothing of a standby, and does not ask again", async () => {
    const { snapshots, cache, get, reads } = createCache();
    snapshots.answer = null;
    for (let count = 0; count < 3; count++) await get("/a");
    expect(reads()).toEqual(["/a", "/a", "/a"]);
    expect(snapshots.read).toHaveBeenCalledTimes(1);
    expect(cache.use.bytes).toBe(0);
  });

  it("forgets everything when the snapshot cannot be had, and leaves it to the read to say why", async () => {
    const { snapshots, cache, get, reads } = createCache();
    snapshots.last = "1:1:";
    await get("/a");
    await get("/b");
    snapshots.answer = new Error("gone");
    expect(await get("/a")).toBe("/a é 3");
    expect(cache.use.bytes).toBe(0);
    // Another server may count its transactions anew, up to the same number.
    snapshots.answer = "1:1:";
    expect(await get("/b")).toBe("/b é 4");
    expect(reads()).toEqual(["/a", "/b", "/a", "/b"]);
  });

  it("neither sends nor keeps what was under way while it was cleared", async () => {
    const { snapshots, cache, get, reads } = createCache();
    snapshots.last = "1:1:";
    await get("/a");
    // The question makes a connection, which is the only one.
    snapshots.read.mockImplementationOnce(() => {
      cache.clear();
      return Promise.resolve((snapshots.last = "1:1:"));
    });
    expect(await get("/a")).toBe("/a é 2");
    await cache.answer("/b", () => {
      cache.clear();
      return Promise.resolve({ text: "from before" });
    });
    snapshots.last = "1:1:";
    expect([await get("/b"), await get("/b")]).toEqual(["/b é 3", "/b é 3"]);
    expect(reads()).toEqual(["/a", "/a", "/b"]);
  });

  it("keeps no failure", async () => {
    const { snapshots, cache, get } = createCache();
    snapshots.last = "1:1:";
    const failing = cache.answer("/a", () => Promise.reject(new Error("not found")));
    await expect(failing).rejects.toThrow("not found");
    expect(await get("/a")).toBe("/a é 1");
  });

  it("stays below its size, and lets go first of what was asked for longest ago", async () => {
    const { snapshots, cache, get, reads } = createCache(8 * 1024);
    snapshots.last = "1:1:";
    const urls = Array.from({ length: 100 }, (_, index) => `/${index}/${"x".repeat(200)}`);
    for (const url of urls) {
      await get(url);
      await get(urls[0]!);
      expect(cache.use.bytes).toBeLessThanOrEqual(8 * 1024);
    }
    expect(reads()).toEqual(urls);
    await get(urls[1]!);
    expect(reads()).toEqual([urls[1]]);
  });

  it("sends, but does not keep, what is larger than all of it", async () => {
    const { snapshots, cache } = createCache(1024);
    snapshots.last = "1:1:";
    const read = (): Promise<SentDocument> => Promise.resolve({ text: "x".repeat(2000) });
    expect(String((await cache.answer("/a", read)).text)).toHaveLength(2000);
    expect(cache.use.bytes).toBe(0);
  });

  it("holds on to no memory but that of the answers", async () => {
    const { snapshots, cache } = createCache();
    snapshots.last = "1:1:";
    const pooled = Buffer.from("short");
    expect(pooled.buffer.byteLength).toBeGreaterThan(pooled.length);
    const { text } = await cache.answer("/a", () => Promise.resolve({ text: pooled }));
    expect([String(text), (text as Buffer).buffer.byteLength]).toEqual(["short", 5]);
  });
});
