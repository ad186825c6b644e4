import prometheus from "prom-client";
import type { RequestHandler } from "express";
import { readMigrationTimes, type MigrationTime } from "../migrate/migration-times.ts";
import type { Queryable, SchemaExpectation } from "../migrate/readiness.ts";
import { imageRevision, version } from "../version.ts";
import { createHttpMetrics, type HttpMetrics } from "./http-metrics.ts";
import type { Readiness } from "./readiness.ts";

/** What `/metrics` tells, and what must be told of requests for it. */
export interface Metrics extends HttpMetrics {
  /** Answers `/metrics`. It answers also while the database does not: without what only that knows. */
  readonly answer: RequestHandler;
}

export interface MetricsParts {
  readonly pool: Queryable & {
    readonly totalCount: number;
    readonly idleCount: number;
    readonly waitingCount: number;
  };
  readonly tables: SchemaExpectation["tables"];
  readonly readiness: Readiness;
  /** Memory, CPU, event loop and so on of this process; true unless given. */
  readonly process?: boolean;
}

/** Metrics in a registry of their own, so that several services can live in one process. */
export function createMetrics(parts: MetricsParts): Metrics {
  const register = new prometheus.Registry();
  if (parts.process !== false) prometheus.collectDefaultMetrics({ register });
  new prometheus.Gauge({
    name: "headgate_build_info",
    help: "Always 1; the labels say what runs.",
    labelNames: ["version", "revision"],
    registers: [register],
  }).set({ version, revision: imageRevision() }, 1);
  addPoolGauge(register, parts);
  addSchemaGauges(register, parts);
  addMigrationTimes(register, parts);
  return {
    ...createHttpMetrics(register),
    async answer(_request, response) {
      const text = await register.metrics();
      response.set("Cache-Control", "no-store").type(register.contentType).send(text);
    },
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
