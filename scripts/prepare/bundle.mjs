import { copyFileSync, existsSync } from "node:fs";
import { basename, join } from "node:path";

/** The programs that a container starts, by the names of their bundles: dist/programs/migrate.cjs … */
const programs = {
  migrate: "scripts/migrate.ts",
  registry: "scripts/registry.ts",
  entrypoint: "scripts/entrypoint.ts",
  gate: "scripts/gate.ts",
  server: "app/server.ts",
};

/** What a program reads at run time from beside itself. */
const companions = ["app/http/openapi.yaml"];

/** Where the bundles of a project are that has these programs. */
export function bundlesOf(root) {
  return Object.entries(programs)
    .filter(([, source]) => existsSync(join(root, source)))
    .map(([name, source]) => ({
      name,
      source: join(root, source),
      bundle: join(root, "dist", "programs", `${name}.cjs`),
    }));
}

/**
 * What writes the rows of SQL migrations is a file of its own beside the programs, loaded when there is something to
 * apply: within them every start would pay for reading it. The whole package, with its loaders, is for migrations in code.
 */
const libraryBeside = {
  name: "library-beside",
  setup({ onResolve }) {
    onResolve({ filter: /^node-pg-migrate\/migration$/ }, () => ({ path: "./library.cjs", external: true }));
  },
};

/**
 * Puts each program into one file with everything that it needs at every start: opening some two hundred modules costs
 * more than the programs do with nothing pending. CommonJS, because importing Node's own modules into ESM costs tens of
 * milliseconds more. What only some runs need stays a package of its own, loaded when its turn comes.
 */
export async function bundle(root) {
  const bundles = bundlesOf(root);
  if (bundles.length === 0) return;
  const { build } = await import("esbuild");
  await build({
    absWorkingDir: root,
    entryPoints: {
      ...Object.fromEntries(bundles.map(({ name, source }) => [name, source])),
      library: join(root, "node_modules/node-pg-migrate/dist/legacy/migration.js"),
    },
    outdir: "dist/programs",
    outExtension: { ".js": ".cjs" },
    bundle: true,
    platform: "node",
    target: "node20.19",
    format: "cjs",
    sourcemap: "linked",
    sourcesContent: false,
    // Names stay as they are: a stack without source maps can still be read.
    minifyWhitespace: true,
    minifySyntax: true,
    alias: {
      "body-parser": join(import.meta.dirname, "no-body-parser.cjs"),
      glob: join(import.meta.dirname, "no-glob.cjs"),
    },
    plugins: [libraryBeside],
    external: ["node-pg-migrate", "libpg-query", "pg-native", "squawk-cli"],
    define: { "import.meta.dirname": "__dirname", "import.meta.url": "__filename" },
    logLevel: "warning",
  });
  for (const file of companions)
    if (existsSync(join(root, file)))
      copyFileSync(join(root, file), join(root, "dist", "programs", basename(file)));
}
