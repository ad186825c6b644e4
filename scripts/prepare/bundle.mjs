import { copyFileSync, existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { leaveOut } from "./left-out.mjs";
import { starterOf } from "./starter.cjs";

/** The programs that a container starts, by the names of their bundles: dist/programs/migrate.cjs … */
const programs = {
  migrate: "scripts/migrate.ts",
  registry: "scripts/registry.ts",
  entrypoint: "scripts/entrypoint.ts",
  gate: "scripts/gate.ts",
  server: "app/server.ts",
};

/**
 * What a program loads only when it is asked for what this does: files of their own beside the programs, by what is
 * imported, so that no start reads them. A class that both sides of such a border compare must not be in them.
 */
const loadedLater = {
  "prom-client": { name: "prom-client", source: "node_modules/prom-client/index.js" },
  // For what is published.
  zod: { name: "zod", source: "node_modules/zod/index.cjs" },
  // What writes the rows of SQL migrations. The whole package, with its loaders, is for migrations in code.
  "node-pg-migrate/migration": {
    name: "library",
    source: "node_modules/node-pg-migrate/dist/legacy/migration.js",
  },
};

/** What a program reads at run time from beside itself. */
const companions = ["app/http/openapi.yaml"];

/** Where the programs and their bundles are in a project that has these sources. */
export function bundlesOf(root) {
  const folder = join(root, "dist", "programs");
  return Object.entries(programs)
    .filter(([, source]) => existsSync(join(root, source)))
    .map(([name, source]) => ({
      name,
      source: join(root, source),
      bundle: join(folder, `${name}.bundle.cjs`),
      program: join(folder, `${name}.cjs`),
    }));
}

/**
 * Puts each program into one file with everything that it needs at every start: opening some two hundred modules costs
 * more than the programs do with nothing pending. CommonJS, because importing Node's own modules into ESM costs tens of
 * milliseconds more. What only some runs need stays a package of its own, loaded when its turn comes. A small file beside
 * each bundle runs it, with compiled code where that is kept.
 */
export async function bundle(root) {
  const bundles = bundlesOf(root);
  if (bundles.length === 0) return;
  const { build } = await import("esbuild");
  const later = Object.values(loadedLater).filter(({ source }) => existsSync(join(root, source)));
  const options = {
    absWorkingDir: root,
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
    plugins: [leaveOut, besideBundles],
    external: ["node-pg-migrate", "libpg-query", "pg-native", "squawk-cli"],
    define: { "import.meta.dirname": "__dirname", "import.meta.url": "__filename" },
    logLevel: "warning",
  };
  await build({
    ...options,
    entryPoints: Object.fromEntries(later.map(({ name, source }) => [name, join(root, source)])),
  });
  await build({
    ...options,
    ...asFunction,
    entryPoints: Object.fromEntries(bundles.map(({ name, source }) => [`${name}.bundle`, source])),
  });
  for (const one of bundles) {
    const text = withOwnImport(readFileSync(one.bundle, "utf8"));
    writeFileSync(one.bundle, text);
    writeFileSync(one.program, starterOf(one.name, text), { mode: 0o755 });
  }
  for (const file of companions)
    if (existsSync(join(root, file)))
      copyFileSync(join(root, file), join(root, "dist", "programs", basename(file)));
  removeCompiled(root);
}

/** What makes of a bundle a function, which is what a program runs. */
export const asFunction = {
  banner: { js: "(function(exports,require,module,__filename,__dirname,Import){" },
  footer: { js: "})" },
};

/**
 * A script that is run with kept code cannot import by itself: Node calls that experimental, and says so on stderr. The
 * program does it for its bundle. (The name is as long as the keyword: the source map stays true.)
 */
export function withOwnImport(text) {
  if (/\bImport\(/.test(text)) throw new Error("A bundle has a function of its own that is called Import.");
  return text.replace(/(?<![.\w$])import\(/g, "Import(");
}

/** What was compiled of earlier bundles is no use any more. */
function removeCompiled(root) {
  const folder = join(root, "dist", "programs");
  for (const file of readdirSync(folder)) if (file.endsWith(".v8")) rmSync(join(folder, file));
}

/** For esbuild. */
const besideBundles = {
  name: "beside-bundles",
  setup(build) {
    build.onResolve({ filter: new RegExp(`^(?:${Object.keys(loadedLater).join("|")})$`) }, ({ path }) => ({
      path: `./${loadedLater[path].name}.cjs`,
      external: true,
    }));
  },
};
