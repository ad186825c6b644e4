import * as crypto from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import * as tty from "node:tty";

/**
 * What the bundles do without: what packages load at every start although no program of ours asks it of them. Each stands
 * here with what is looked up in it while it is loaded; whoever calls for one of them all the same is told.
 */
const leftOut = {
  // Express' parsers of bodies, with half a megabyte of character sets: app/http/request-body.ts reads them.
  "body-parser": ["json", "raw", "text", "urlencoded"],
  // Express' "extended" query parser; ours is "simple".
  qs: ["parse", "stringify"],
  // node-pg-migrate's way to find migration files: app/migrate/files.ts knows them.
  glob: ["glob"],
  // pino's own ways to files and threads: app/log.ts gives it a stream.
  "sonic-boom": [],
  "thread-stream": [],
};

/** Single files that are there in another form. */
const replaced = [
  // Express' notes for its own developers, which DEBUG would show.
  [
    /[\\/]debug[\\/]src[\\/]index\.js$/,
    () => "module.exports = () => Object.assign(() => {}, { enabled: false });",
  ],
  // Whose module it is that makes a logger, for transports; to find that out V8 reads the whole bundle once more.
  [/[\\/]pino[\\/]lib[\\/]caller\.js$/, () => "module.exports = () => [];"],
  [
    /[\\/]pg[\\/]lib[\\/]crypto[\\/]utils\.js$/,
    () => readFile(join(import.meta.dirname, "pg-crypto.cjs"), "utf8"),
  ],
  // Name servers, for a form of address that ours never ask for: a connection looks its host up by itself.
  [
    /[\\/]pg[\\/]lib[\\/]connection-parameters\.js$/,
    (path) =>
      edited(
        path,
        "const dns = require('dns')",
        "const dns = { lookup: (...all) => require('dns').lookup(...all) }",
      ),
  ],
  // No program of ours starts a thread, and only to ask that pino would open the whole of what there is for it.
  [
    /[\\/]pino[\\/]lib[\\/]tools\.js$/,
    (path) => edited(path, "const { isMainThread } = require('worker_threads')", "const isMainThread = true"),
  ],
  [
    /[\\/]mime-db[\\/]db\.json$/,
    async (path) => {
      const all = Object.entries(JSON.parse(await readFile(path, "utf8")));
      return `module.exports = ${JSON.stringify(Object.fromEntries(all.filter(([type]) => mediaTypes.test(type))))};`;
    },
  ],
];

/** The media types that the API says or is asked for. mime-db knows 2,500, and a table of them is made at every start. */
const mediaTypes =
  /^(?:text\/(?:css|html|javascript|plain|yaml)|application\/(?:json|octet-stream|openmetrics-text|problem\+json|x-www-form-urlencoded|yaml)|image\/svg\+xml)$/;

/**
 * Modules of Node that are opened when the first of their members is used, and not when a bundle that uses them is: by
 * then we are connecting, and would only wait. Node's cryptography takes a start longer than all our own modules; to ask
 * whether something is a terminal opens all that there is for connections.
 */
const late = { crypto, tty };

/** For esbuild. */
export const leaveOut = {
  name: "leave-out",
  setup(build) {
    const names = Object.keys(leftOut).join("|");
    build.onResolve({ filter: new RegExp(`^(?:${names})$`) }, ({ path }) => ({
      path,
      namespace: "left-out",
    }));
    build.onLoad({ filter: /.*/, namespace: "left-out" }, ({ path }) => ({ contents: refusing(path) }));
    build.onResolve(
      { filter: new RegExp(`^(?:node:)?(?:${Object.keys(late).join("|")})$`) },
      ({ path, namespace }) =>
        namespace === "late" ? { external: true } : { path: path.replace("node:", ""), namespace: "late" },
    );
    build.onLoad({ filter: /.*/, namespace: "late" }, ({ path }) => ({ contents: openedLate(path) }));
    for (const [filter, contents] of replaced)
      build.onLoad({ filter }, async ({ path }) => ({ contents: await contents(path), loader: "js" }));
  },
};

/** A function, since packages ask whether something is an instance of one. */
function refusing(name) {
  return `function refuse() { throw new Error("${name} is left out of the bundles; see scripts/prepare/left-out.mjs"); }
module.exports = Object.assign(refuse, { ${leftOut[name].map((member) => `${member}: refuse`).join(", ")} });`;
}

function openedLate(name) {
  const members = Object.keys(late[name]).filter((member) => member !== "default");
  return `let opened;
const open = () => (opened ??= require("node:${name}"));
for (const member of ${JSON.stringify(members)})
  Object.defineProperty(exports, member, { enumerable: true, get: () => open()[member] });`;
}

/** @throws Error when a newer version of the package reads otherwise: then somebody must look */
async function edited(path, from, to) {
  const source = await readFile(path, "utf8");
  if (!source.includes(from)) throw new Error(`${path} has no ${from}; see scripts/prepare/left-out.mjs`);
  return source.replace(from, to);
}
