import prometheus from "prom-client";
import { readMigrationTimes, type MigrationTime } from "../migrate/migration-times.ts";
import type { Queryable, SchemaExpectation } from "../migrate/readiness.ts";
import { imageRevision, version } from "../version.ts";
import type { ObservedRequest } from "./http-metrics.ts";
import type { ResponseCache } from "./response-cache.ts";
import type { Readiness } from "./readiness.ts";

/** Everything that is measured, and the text of it. */
export interface MetricsRegister {
  readonly contentType: string;
  /** Takes a request that has ended. */
  observe(request: ObservedRequest): void;
  /** In Prometheus' text format. It comes also while the database does not answer: without what only that knows. */
  text(): Promise<string>;
}

export interface MetricsParts {
  readonly pool: Queryable & {
    readonly totalCount: number;
    readonly idleCount: number;
    readonly waitingCount: number;
  };
  readonly tables: SchemaExpectation["tables"];
  readonly readiness: Readiness;
  /** undefined: nothing is kept. */
  readonly cache?: Pick<ResponseCache, "use"> | undefined;
  /** Memory, CPU, event loop and so on of this process; true unless given. */
  readonly process?: boolean;
}

/** Metrics in a registry of their own, so that several services can live in one process. */
export function createMetricsRegister(parts: MetricsParts): MetricsRegister {
  const register = new prometheus.Registry();
  if (parts.process !== false) prometheus.collectDefaultMetrics({ register });
  new prometheus.Gauge({
    name: "headgate_build_info",
    help: "Always 1; the labels say what runs.",
    labelNames: ["version", "revision"],
    registers: [register],
  }).set({ version, revision: imageRevision() }, 1);
  addPoolGauge(register, parts);
  if (parts.cache !== undefined) addCacheMetrics(register, parts.cache);
  addSchemaGauges(register, parts);
  addMigrationTimes(register, parts);
  const durations = new prometheus.Histogram({
    name: "headgate_http_request_duration_seconds",
    help: "Time from the head of a request to the end of its answer. Status 499: the client did not wait.",
    labelNames: ["route", "method", "status"] as const,
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
    registers: [register],
  });
  return {
    contentType: register.contentType,
    observe: ({ seconds, ...labels }) => durations.observe(labels, seconds),
    text: async () => await register.metrics(),
  };
}

function addPoolGauge(register: prometheus.Registry, { pool }: MetricsParts): void {
  const gauge = new prometheus.Gauge({
    name: "headgate_database_pool_connections",
    help: "Connections of the API's pool: total, idle; waiting are requests for one.",
    labelNames: ["state"],
    registers: [],
    collect() {
      this.set({ state: "total" }, pool.totalCount);
      this.set({ state: "idle" }, pool.idleCount);
      this.set({ state: "waiting" }, pool.waitingCount);
    },
  });
  register.registerMetric(gauge);
}

function addCacheMetrics(register: prometheus.Registry, cache: Pick<ResponseCache, "use">): void {
  const requests = new prometheus.Counter({
    name: "headgate_response_cache_requests_total",
    help: "Reads of the registry: hit, answered from memory after PostgreSQL said that nothing had changed; miss, read.",
    labelNames: ["result"],
    registers: [],
    collect() {
      this.reset();
      this.inc({ result: "hit" }, cache.use.hits);
      this.inc({ result: "miss" }, cache.use.misses);
    },
  });
  const bytes = new prometheus.Gauge({
    name: "headgate_response_cache_bytes",
    help: "Size of the answers that are kept.",
    registers: [],
    collect() {
      this.set(cache.use.bytes);
    },
  });
  register.registerMetric(requests);
  register.registerMetric(bytes);
}

/** The number before the name of a migration; a time stamp of 14 digits is still exact. */
function versionNumber(migration: string | undefined): number | undefined {
  const digits = /^\d+/.exec(migration ?? "")?.[0];
  return digits === undefined ? undefined : Number(digits);
}

/** Both ask at the same time and so share one query. What is not known is not told, rather than told wrong. */
function addSchemaGauges(register: prometheus.Registry, { readiness }: MetricsParts): void {
  const ready = new prometheus.Gauge({
    name: "headgate_ready",
    help: "1 when /ready says so.",
    registers: [],
    async collect() {
      this.set((await readiness.read()).status === "ready" ? 1 : 0);
    },
  });
  const schema = new prometheus.Gauge({
    name: "headgate_schema_version",
    help: "Versions of migrations: the newest that is applied, the newest that this image needs.",
    labelNames: ["which"],
    registers: [],
    async collect() {
      const report = await readiness.read();
      this.reset();
      for (const which of ["applied", "expected"] as const) {
        const value = versionNumber(report[which]);
        if (value !== undefined) this.set({ which }, value);
      }
    },
  });
  register.registerMetric(ready);
  register.registerMetric(schema);
}

const timesAreGoodFor = 60_000;

/** From the ledger, which changes seldom: read once a minute at most. */
function addMigrationTimes(register: prometheus.Registry, { pool, tables }: MetricsParts): void {
  let times: readonly MigrationTime[] = [];
  let readAt = -Infinity;
  const gauge = new prometheus.Gauge({
    name: "headgate_migration_duration_seconds",
    help: "How long each applied migration ran.",
    labelNames: ["migration"],
    registers: [],
    async collect() {
      if (performance.now() - readAt > timesAreGoodFor) {
        const fresh = await readMigrationTimes(pool, tables).catch(() => undefined);
        if (fresh === undefined) return;
        [times, readAt] = [fresh, performance.now()];
      }
      this.reset();
      for (const { name, seconds } of times) this.set({ migration: name }, seconds);
    },
  });
  register.registerMetric(gauge);
}
