import { describe, expect, it } from "@jest/globals";
import { depthOf, rawMember } from "./raw-member.ts";

describe("rawMember", () => {
  it.each([
    ['{"server":{"a":1}}', '{"a":1}'],
    [
      '{ "x" : [1, {"server": 2}], "server" :  { "a" : "}\\"," , "b": [ ] } , "y":true }',
      '{ "a" : "}\\"," , "b": [ ] }',
    ],
    ['{"a\\"b":"c\\\\","server":"text \\\\"}', '"text \\\\"'],
    ['{"x":1.5e3,"server":-0.10,"y":null}', "-0.10"],
    ['{"server":true}', "true"],
    ['{"\\u0073erver":[1]}', "[1]"],
    ['{"server":1,"server":{"last":"wins"}}', '{"last":"wins"}'],
    ['{"ünï":"😀","server":"\\ud83d"}', '"\\ud83d"'],
    ['{"other":1}', undefined],
    ["{}", undefined],
  ])("of %s is %s", (json, raw) => {
    expect(rawMember(json, "server")).toBe(raw);
    const { server }: { server?: unknown } = JSON.parse(json);
    expect(raw === undefined ? undefined : JSON.parse(raw)).toEqual(server);
  });
});

describe("depthOf", () => {
  it.each([
    ["1", 0],
    ['{"a":"[[[[","b":[{}]}', 3],
    ["[[],[[]]]", 3],
  ])("of %s is %i", (json, depth) => expect(depthOf(json)).toBe(depth));
});
