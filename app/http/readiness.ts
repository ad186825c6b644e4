import type { RequestHandler } from "express";
import type { Logger } from "../log.ts";
import { readSchemaState, type Queryable, type SchemaExpectation } from "../migrate/readiness.ts";
import { retryAfter } from "./problem.ts";

/** What `/ready` answers: ready or why not. */
export interface ReadinessReport {
  readonly status: "ready" | "stopping" | "database-unreachable" | "schema-not-ready";
  readonly reason?: string;
  /** The newest applied and the newest expected migration. */
  readonly applied?: string | undefined;
  readonly expected?: string | undefined;
}

/** Whether this process should get traffic: the database answers, its schema is ours, and nobody told us to stop. */
export class Readiness {
  readonly #database: Queryable;
  readonly #expectation: SchemaExpectation;
  readonly #log: Logger;
  #stopping = false;
  #check: Promise<ReadinessReport> | undefined;
  #last: ReadinessReport["status"] | undefined;

  constructor(database: Queryable, expectation: SchemaExpectation, log: Logger) {
    this.#database = database;
    this.#expectation = expectation;
    this.#log = log;
  }

  /** From now on the answer is no. */
  stop(): void {
    this.#stopping = true;
  }

  /** Probes that come at the same time share one query. */
  async read(): Promise<ReadinessReport> {
    if (this.#stopping) return { status: "stopping" };
    this.#check ??= this.#readDatabase().finally(() => {
      this.#check = undefined;
    });
    const report = await this.#check;
    return this.#stopping ? { status: "stopping" } : report;
  }

  async #readDatabase(): Promise<ReadinessReport> {
    let report: ReadinessReport;
    let cause: unknown;
    try {
      const { ready, reason, applied, expected } = await readSchemaState(this.#database, this.#expectation);
      const status = ready ? "ready" : "schema-not-ready";
      report = { status, ...(reason === undefined ? {} : { reason }), applied, expected };
    } catch (error) {
      report = { status: "database-unreachable" };
      cause = error;
    }
    if (report.status !== this.#last) {
      if (report.status === "ready") this.#log.info("ready");
      else this.#log.warn({ ...report, error: cause }, "not ready");
    }
    this.#last = report.status;
    return report;
  }
}

export function answerReadiness(readiness: Readiness): RequestHandler {
  return async (_request, response) => {
    const report = await readiness.read();
    response.set("Cache-Control", "no-store");
    if (report.status !== "ready") response.status(503).set("Retry-After", retryAfter);
    response.json(report);
  };
}
