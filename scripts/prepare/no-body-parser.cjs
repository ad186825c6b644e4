// In the place of body-parser, which Express loads at every start and which needs half a megabyte of character sets: the
// API reads its bodies itself (app/http/request-body.ts). Whoever calls for it here is told.
for (const name of ["json", "raw", "text", "urlencoded"]) {
  exports[name] = () => {
    throw new Error(`express.${name}() is left out of the bundles; see scripts/prepare/bundle.mjs`);
  };
}
