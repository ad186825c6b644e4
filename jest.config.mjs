// `npm test`: unit tests beside the source and tests on a real PostgreSQL, which app/test/support starts once per run.
/** @type {import("jest").Config} */
const shared = {
  rootDir: import.meta.dirname,
  testEnvironment: "node",
  extensionsToTreatAsEsm: [".ts"],
  transform: {
    "\\.ts$": [
      "@swc/jest",
      { jsc: { target: "es2023", parser: { syntax: "typescript" } }, module: { type: "es6" } },
    ],
  },
  modulePathIgnorePatterns: ["<rootDir>/dist/", "<rootDir>/.data/"],
};

/** Every run ends with what was skipped. */
const reporters = ["default", "<rootDir>/app/test/support/skipped-reporter.mjs"];

export default {
  projects: [
    {
      ...shared,
      displayName: "unit",
      testMatch: ["<rootDir>/{app,scripts}/**/*.test.ts"],
      testPathIgnorePatterns: ["/node_modules/", "/app/test/(?!structure/)"],
    },
    {
      ...shared,
      displayName: "database",
      testMatch: ["<rootDir>/app/test/database/**/*.test.ts"],
      // Here and not above, so that a run of unit tests alone starts no PostgreSQL.
      globalSetup: "<rootDir>/app/test/support/global-setup.ts",
      globalTeardown: "<rootDir>/app/test/support/global-teardown.ts",
    },
  ],
  reporters,
  testTimeout: 120_000,
};

export { reporters, shared };
