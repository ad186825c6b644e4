import { describe, expect, it } from "@jest/globals";
import { depthOf, rawMember, repeatedMember, replaceMember } from "./raw-member.ts";

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

describe("replaceMember", () => {
  it.each([
    ['{ "a":1, "_meta" : {"b":[1, 2]} , "c":"_meta" }', '{ "a":1, "_meta" : {} , "c":"_meta" }'],
    ['{"a":{"_meta":1}}', '{"a":{"_meta":1}}'],
  ])("in %s leaves the rest as it is", (json, changed) =>
    expect(replaceMember(json, "_meta", "{}")).toBe(changed),
  );
});

describe("repeatedMember", () => {
  it.each([
    ['{"a":1,"b":{"a":2},"c":[{"a":3},{"a":4}]}', undefined],
    ['{"a":"b","b":"a"}', undefined],
    ['["a","a"]', undefined],
    ['{"a":1,"x":{},"a" :2}', "a"],
    ['{"x":[{"b":{"y":[]},"\\u0062":1}]}', "b"],
  ])("of %s is %s", (json, member) => expect(repeatedMember(json)).toBe(member));
});
