import { describe, expect, it } from "@jest/globals";
import { AppError } from "../errors.ts";
import { SnapshotReader } from "./snapshot.ts";

/** A database whose answers come when the test says so. */
function createDatabase(): {
  reader: SnapshotReader;
  answers: ((snapshot: string | null | Error) => void)[];
} {
  const answers: ((snapshot: string | null | Error) => void)[] = [];
  const query = async (): Promise<{ rows: unknown[] }> =>
    await new Promise((resolve, reject) =>
      answers.push((answer) =>
        answer instanceof Error ? reject(answer) : resolve({ rows: [{ snapshot: answer }] }),
      ),
    );
  return { reader: new SnapshotReader({ query }), answers };
}

const turn = (): Promise<void> => new Promise((resolve) => void setImmediate(() => setImmediate(resolve)));

describe("a snapshot reader", () => {
  it("asks once for all who ask in the same turn", async () => {
    const { reader, answers } = createDatabase();
    const asked = [reader.read(), Promise.resolve().then(() => reader.read()), reader.read()];
    await turn();
    expect(answers).toHaveLength(1);
    answers[0]!("1:1:");
    expect(await Promise.all(asked)).toEqual(["1:1:", "1:1:", "1:1:"]);
  });

  it("asks anew for who comes after the question was sent", async () => {
    const { reader, answers } = createDatabase();
    const first = reader.read();
    await turn();
    const second = reader.read();
    await turn();
    expect(answers).toHaveLength(2);
    answers[1]!("1:2:");
    answers[0]!("1:1:");
    expect(await Promise.all([first, second])).toEqual(["1:1:", "1:2:"]);
  });

  it("knows the last answer", async () => {
    const { reader, answers } = createDatabase();
    expect(reader.last).toBeUndefined();
    for (const snapshot of ["1:1:", null]) {
      const asked = reader.read();
      await turn();
      answers.shift()!(snapshot);
      await asked;
      expect(reader.last).toBe(snapshot);
    }
    reader.forget();
    expect(reader.last).toBeUndefined();
  });

  it("tells everybody of a failure, and asks again afterwards", async () => {
    const { reader, answers } = createDatabase();
    const asked = Promise.allSettled([reader.read(), reader.read()]);
    await turn();
    answers.shift()!(new Error("gone"));
    const refused = { status: "rejected", reason: expect.any(AppError) };
    expect(await asked).toEqual([refused, refused]);
    const again = reader.read();
    await turn();
    answers.shift()!("1:1:");
    expect(await again).toBe("1:1:");
  });
});
