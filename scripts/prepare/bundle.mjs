import { copyFileSync, existsSync } from "node:fs";
import { basename, join } from "node:path";
import { leaveOut } from "./left-out.mjs";

/** The programs that a container starts, by the names of their bundles: dist/programs/migrate.cjs … */
const programs = {
  migrate: "scripts/migrate.ts",
  registry: "scripts/registry.ts",
  entrypoint: "scripts/entrypoint.ts",
  gate: "scripts/gate.ts",
  server: "app/server.ts",
};

/**
 * Packages that a program loads when it is asked for what they do: files of their own, so that no start reads them. A
 * class that both sides of such a border compare must not be in them.
 */
const loadedLater = ["prom-client"];

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
 * Puts each program into one file with everything that it needs at every start: opening some two hundred modules costs
 * more than the programs do with nothing pending. CommonJS, because importing Node's own modules into ESM costs tens of
 * milliseconds more. What only some runs need stays a package of its own, loaded when its turn comes.
 */
export async function bundle(root) {
  const bundles = bundlesOf(root);
  if (bundles.length === 0) return;
  const { build } = await import("esbuild");
  const later = loadedLater.filter((name) => existsSync(join(root, "node_modules", name)));
  await build({
    absWorkingDir: root,
    entryPoints: Object.fromEntries([
      ...bundles.map(({ name, source }) => [name, source]),
      ...later.map((name) => [name, name]),
    ]),
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
    plugins: [leaveOut, besideBundles(later)],
    external: ["node-pg-migrate", "libpg-query", "pg-native", "squawk-cli"],
    define: { "import.meta.dirname": "__dirname", "import.meta.url": "__filename" },
    logLevel: "warning",
  });
  for (const file of companions)
    if (existsSync(join(root, file)))
      copyFileSync(join(root, file), join(root, "dist", "programs", basename(file)));
}

/** For esbuild: these packages are files beside the bundle that imports them. */
function besideBundles(packages) {
  return {
    name: "beside-bundles",
    setup(build) {
      build.onResolve({ filter: new RegExp(`^(?:${packages.join("|")})$`) }, ({ path, kind }) =>
        kind === "entry-point" ? undefined : { path: `./${path}.cjs`, external: true },
      );
    },
  };
}
