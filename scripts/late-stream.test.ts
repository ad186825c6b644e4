import { PassThrough } from "node:stream";
import { isatty } from "node:tty";
import { setImmediate as nextTurn } from "node:timers/promises";
import { describe, expect, it, jest } from "@jest/globals";
import { lateStream } from "./late-stream.ts";

function setUp() {
  const real = new PassThrough() as unknown as NodeJS.WriteStream & PassThrough;
  const open = jest.fn(() => real);
  return { real, open, stream: lateStream(1, open) };
}

describe("lateStream", () => {
  it("is opened by the first thing that is written", () => {
    const { real, open, stream } = setUp();
    expect(stream.isTTY).toBe(isatty(1));
    expect(open).not.toHaveBeenCalled();
    stream.write("one ");
    stream.write("two");
    expect(open).toHaveBeenCalledTimes(1);
    expect(String(real.read())).toBe("one two");
  });

  it("is opened once the program waits, though nothing was written", async () => {
    const { open } = setUp();
    await nextTurn();
    expect(open).toHaveBeenCalledTimes(1);
  });

  it("hears what listens to it before it is opened, and after that", () => {
    const { real, stream } = setUp();
    const heard: string[] = [];
    stream.on("error", () => heard.push("early"));
    stream.write("");
    stream.on("error", () => heard.push("late"));
    real.emit("error", new Error("nobody reads"));
    expect(heard).toEqual(["early", "late"]);
  });

  it("calls back when a text is written", async () => {
    const { real, stream } = setUp();
    real.resume();
    await new Promise<void>((resolve, reject) =>
      stream.write("x", (error) => (error instanceof Error ? reject(error) : resolve())),
    );
  });
});
