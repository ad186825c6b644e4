import { afterAll, beforeAll } from "@jest/globals";
import { closeSession, openSession, type Session } from "../../../database/session.ts";
import { configOf, urlOf } from "../../support/test-database.ts";

/**
 * Lets the tests of this file run beside those of other files (`together`), or beside none (`alone`), since a crowd of
 * processes would spoil what others measure.
 */
export function takeTurns(how: "alone" | "together"): void {
  let turn: Session;
  const suffix = how === "alone" ? "" : "_shared";
  beforeAll(async () => {
    turn = await openSession(configOf(urlOf("postgres")).database, "turn", 10_000);
    await turn.client.query(`SELECT pg_advisory_lock${suffix}(4712)`);
  }, 280_000);
  afterAll(async () => await closeSession(turn));
}
