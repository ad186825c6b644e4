/**
 * PostgreSQL's own parser. Loaded when a text must be taken apart: 60 ms of WebAssembly that a start with nothing to do
 * must not pay.
 *
 * V8 would compile it a second time, optimised, and take over 512 MB for that (measured on Node 24). The three flags
 * together prevent it, in this order; on the command line they would make Node compile its own modules anew.
 */
export async function loadParser(): Promise<typeof import("libpg-query")> {
  const { setFlagsFromString } = await import("node:v8");
  for (const flag of ["--no-wasm-dynamic-tiering", "--no-wasm-tier-up", "--liftoff-only"])
    setFlagsFromString(flag);
  const parser = await import("libpg-query");
  await parser.loadModule();
  return parser;
}
