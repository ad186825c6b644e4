import { describe, expect, it } from "@jest/globals";
import { Slots } from "./slots.ts";

describe("slots", () => {
  it("hold what was put in and not taken out", () => {
    const slots = new Slots<string>();
    const removeFirst = slots.add("first");
    const removeSecond = slots.add("second");
    removeFirst();
    expect(slots.items()).toEqual(["second"]);
    slots.add("third");
    expect(slots.items()).toEqual(["third", "second"]);
    removeSecond();
    expect(slots.items()).toEqual(["third"]);
  });
});
