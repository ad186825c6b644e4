"use strict";
const { createHash } = require("node:crypto");

/**
 * Where what V8 compiled of a bundle may be kept, beside it. V8 itself compares only lengths: the name changes with the
 * text, so that what was compiled of another text is never run.
 */
function compiledFileOf(name, text) {
  return `${name}.${createHash("sha256").update(text).digest("hex").slice(0, 16)}.v8`;
}

/**
 * The program that runs a bundle: a file of its own, since Node's loader does not take compiled code from us, and what it
 * keeps by itself (NODE_COMPILE_CACHE) holds no function that a start calls, only the outermost one.
 */
function starterOf(name, text) {
  return `#!/usr/bin/env node
// Made by scripts/prepare/starter.cjs. What V8 refuses of the compiled code (of another version, say) it compiles anew.
"use strict";
const { readFileSync } = require("node:fs");
const { Script } = require("node:vm");
const filename = __dirname + "/${name}.bundle.cjs";
let cachedData;
try {
  cachedData = readFileSync(__dirname + "/${compiledFileOf(name, text)}");
} catch {
  // Nobody kept it: only slower.
}
const script = new Script(readFileSync(filename, "utf8"), { filename, cachedData });
script.runInThisContext()(exports, require, module, filename, __dirname, (name) => import(name));
`;
}

module.exports = { compiledFileOf, starterOf };
