import { describe, expect, it } from "@jest/globals";
import { createProgress, type Progress } from "./progress.ts";

function watch(isTTY: boolean): { progress: Progress; text: () => string; pass: (ms: number) => void } {
  let text = "";
  let time = 0;
  const progress = createProgress(
    { isTTY, write: (more) => (text += more) },
    { activity: "importing", now: () => time },
  );
  return { progress, text: () => text, pass: (ms) => (time += ms) };
}

describe("the progress of an import", () => {
  it("is one line that is written over on a terminal", () => {
    const { progress, text } = watch(true);
    progress.update(500);
    progress.update(1000);
    progress.say("line 7: no name");
    progress.update(1500);
    progress.end();
    expect(text()).toBe(
      "\rimporting: 500 lines\rimporting: 1,000 lines\nline 7: no name\n\rimporting: 1,500 lines\n",
    );
  });

  it("is a line every two seconds elsewhere, and one at the end", () => {
    const { progress, text, pass } = watch(false);
    for (let lines = 500; lines <= 3000; lines += 500) {
      progress.update(lines);
      pass(700);
    }
    progress.end();
    progress.end();
    expect(text()).toBe("importing: 500 lines\nimporting: 2,000 lines\nimporting: 3,000 lines\n");
  });
});
