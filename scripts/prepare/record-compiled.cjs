"use strict";
// Loaded before one of the programs (node --require): writes what V8 has compiled of it by its end into the folder
// $COMPILED_FOLDER, under the name by which the program looks for it (starter.cjs).
const { readFileSync, writeFileSync } = require("node:fs");
const { basename, join } = require("node:path");
const vm = require("node:vm");
const { compiledFileOf } = require("./starter.cjs");

vm.Script = class extends vm.Script {
  constructor(source, options) {
    super(source, options);
    const name = basename(options.filename, ".bundle.cjs");
    const version = headOf(this.createCachedData());
    process.on("exit", () => {
      const compiled = this.createCachedData();
      // For what changes V8's flags as it goes, such as the SQL parser: no start would accept it.
      if (!headOf(compiled).equals(version)) throw new Error(`${name} has changed V8's flags.`);
      const file = join(process.env.COMPILED_FOLDER, compiledFileOf(name, readFileSync(options.filename)));
      writeFileSync(file, compiled);
    });
  }
};

/** Where V8 notes what it must be to run this: its version and flags, after a number that is always the same. */
function headOf(compiled) {
  return compiled.subarray(0, 16);
}
