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
    process.on("exit", () => {
      const file = join(process.env.COMPILED_FOLDER, compiledFileOf(name, readFileSync(options.filename)));
      writeFileSync(file, this.createCachedData());
    });
  }
};
