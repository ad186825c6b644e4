import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "@jest/globals";
import request from "supertest";
import { createPool } from "../../database/pool.ts";
import { ResponseCache } from "../../http/response-cache.ts";
import { SnapshotReader } from "../../registry/snapshot.ts";
import { createTestApi, type TestApi } from "../support/api.ts";
import { documentOf, everywhere, createTokenDatabase } from "../support/publisher.ts";
import { entryOf, importInto } from "../support/registry-fixture.ts";
import { withTestSession, type TestDatabase } from "../support/test-database.ts";
import { waitForCondition } from "../support/wait-for-condition.ts";

const name = "com.acme/weather";
const list = "/v0.1/servers?limit=10";
const versions = "/v0.1/servers/com.acme%2Fweather/versions";
const latest = `${versions}/latest`;

let database: TestDatabase;
let api: TestApi;

beforeAll(async () => {
  database = await createTokenDatabase();
});
beforeEach(async () => {
  await database.query("TRUNCATE server, server_version");
  await importInto(database, [entryOf(name, "1.0.0"), entryOf("com.acme/other", "1.0.0")]);
  api = createTestApi(database);
});
afterEach(() => api.close());
afterAll(async () => {
  await database.drop();
});

const get = async (path: string): Promise<request.Response> => await request(api.app).get(path);

/** Asks until an answer came from memory: what other tests do in the same server is in the way of it. */
async function getFromMemory(path: string): Promise<request.Response> {
  return await waitForCondition(`an answer to ${path} from memory`, async () => {
    const { hits } = api.cache.use;
    const answer = await get(path);
    return api.cache.use.hits > hits && answer;
  });
}

describe("an answer from memory", () => {
  it.each([list, versions, latest])(
    "is the one that was read, for GET, HEAD and a tag (%s)",
    async (path) => {
      const read = await get(path);
      const kept = await getFromMemory(path);
      const withoutIds = ({ headers }: request.Response): object => ({
        ...headers,
        "x-request-id": undefined,
        date: undefined,
      });
      expect([kept.text, withoutIds(kept)]).toEqual([read.text, withoutIds(read)]);
      const head = await request(api.app).head(path);
      expect([head.status, head.headers["content-length"], head.text]).toEqual([
        200,
        read.headers["content-length"],
        undefined,
      ]);
      const again = await request(api.app).get(path).set("If-None-Match", String(read.headers["etag"]));
      expect([again.status, again.text]).toEqual([304, ""]);
    },
  );

  it("is counted in the metrics", async () => {
    await getFromMemory(list);
    const { text } = await request(api.operations).get("/metrics");
    const { hits, misses, bytes } = api.cache.use;
    expect(text).toContain(`headgate_response_cache_requests_total{result="hit"} ${hits}\n`);
    expect(text).toContain(`headgate_response_cache_requests_total{result="miss"} ${misses}\n`);
    expect(text).toContain(`headgate_response_cache_bytes ${bytes}\n`);
    expect(Math.min(hits, misses, bytes)).toBeGreaterThan(0);
  });

  const changes: [what: string, change: () => PromiseLike<unknown>, status: number, shown: string][] = [
    [
      "a publication",
      () =>
        request(api.app)
          .post("/v0.1/publish")
          .set("Authorization", `Bearer ${everywhere}`)
          .send(documentOf(name, "2.0.0")),
      200,
      `"version":"2.0.0"`,
    ],
    [
      "a change of status",
      () =>
        request(api.app)
          .patch(`${versions}/1.0.0/status`)
          .set("Authorization", `Bearer ${everywhere}`)
          .send({ status: "deprecated", statusMessage: "gone soon" }),
      200,
      "gone soon",
    ],
    [
      "somebody's UPDATE",
      () =>
        database.query("UPDATE public.server_version SET status = 'deprecated', status_message = 'by hand'"),
      200,
      "by hand",
    ],
    [
      "one below a savepoint",
      () =>
        database.query(
          "DO $$ BEGIN BEGIN UPDATE server_version SET status = 'deprecated', status_message = 'inner'; EXCEPTION WHEN OTHERS THEN RAISE; END; END $$",
        ),
      200,
      "inner",
    ],
    ["a DELETE", () => database.query("DELETE FROM server_version"), 404, "not-found"],
    ["a TRUNCATE", () => database.query("TRUNCATE server, server_version"), 404, "not-found"],
  ];
  it.each(changes)("is not sent after %s", async (_what, change, status, shown) => {
    await getFromMemory(latest);
    await change();
    const answer = await get(latest);
    expect([answer.status, answer.text]).toEqual([status, expect.stringContaining(shown)]);
  });

  it("is sent while a transaction that has changed everything is not over", async () => {
    await withTestSession(database.address, async ({ client }) => {
      await getFromMemory(latest);
      await client.query(
        "BEGIN; UPDATE server_version SET status = 'deprecated', status_message = 'not yet'",
      );
      expect((await getFromMemory(latest)).text).not.toContain("not yet");
      await client.query("COMMIT");
      expect((await get(latest)).text).toContain("not yet");
    });
  });

  it("is never one that says that there is nothing", async () => {
    const later = "/v0.1/servers/com.acme%2Flater/versions/latest";
    for (let count = 0; count < 3; count++) expect((await get(later)).status).toBe(404);
    await importInto(database, [entryOf("com.acme/later", "1.0.0")]);
    expect((await get(later)).status).toBe(200);
  });
});

describe("readers beside a writer", () => {
  /** Four of them read one row through a cache, while its number is counted up, until both have done enough. */
  async function countStale(
    wrap: (reader: SnapshotReader) => Pick<SnapshotReader, "last" | "read" | "forget">,
  ): Promise<{
    readonly stale: number;
    readonly hits: number;
    readonly writes: number;
  }> {
    const pool = createPool(database.config, () => undefined);
    const cache = new ResponseCache(wrap(new SnapshotReader(pool)), 1024 * 1024);
    let committed = 0;
    let stale = 0;
    const over = new AbortController();
    // Slow, so that many a write is committed between what it sees and its answer.
    const read = async (): Promise<{ text: string }> => {
      const { rows } = await pool.query<{ number: string }>(
        "SELECT coalesce(status_message, '0') AS number, pg_sleep(0.002) FROM public.server_version WHERE server_name = $1",
        [name],
      );
      return { text: rows[0]!.number };
    };
    const readAgainAndAgain = async (): Promise<void> => {
      while (!over.signal.aborted) {
        const least = committed;
        if (Number((await cache.answer("/", read)).text) < least) stale++;
      }
    };
    const write = async (): Promise<void> => {
      while (!over.signal.aborted) {
        const seen = cache.use.hits + cache.use.misses;
        await pool.query(
          "UPDATE public.server_version SET status = 'deprecated', status_message = $1 WHERE server_name = $2",
          [String(committed + 1), name],
        );
        committed++;
        // Room for answers from memory.
        await waitForCondition(
          "reads",
          () => over.signal.aborted || cache.use.hits + cache.use.misses > seen + 20,
          {
            interval: 1,
          },
        );
      }
    };
    try {
      const work = Promise.all([write(), ...Array.from({ length: 4 }, readAgainAndAgain)]);
      const enough = waitForCondition("enough", () => committed >= 100 && cache.use.hits >= 100);
      try {
        await Promise.race([work, enough]);
      } finally {
        over.abort();
      }
      await work;
      return { stale, hits: cache.use.hits, writes: committed };
    } finally {
      await pool.end();
    }
  }

  it("never see less than what was committed before they asked", async () => {
    expect((await countStale((reader) => reader)).stale).toBe(0);
  });

  it("do, if what PostgreSQL says is not asked for each time (control)", async () => {
    const { stale } = await countStale((reader) => {
      let age = 0;
      return {
        get last() {
          return reader.last;
        },
        forget: () => reader.forget(),
        read: async () => (++age % 10 === 0 || reader.last === undefined ? await reader.read() : reader.last),
      };
    });
    expect(stale).toBeGreaterThan(0);
  });
});
