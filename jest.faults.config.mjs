// `npm run test:faults`: kills, cuts and crowds around real processes and a real PostgreSQL.
import { reporters, shared } from "./jest.config.mjs";

/** @type {import("jest").Config} */
export default {
  ...shared,
  testMatch: ["<rootDir>/app/test/faults/**/*.test.ts"],
  globalSetup: "<rootDir>/app/test/support/global-setup.ts",
  globalTeardown: "<rootDir>/app/test/support/global-teardown.ts",
  reporters,
  // Each test starts processes of its own; more workers would only measure how busy the machine is.
  maxWorkers: 2,
  testTimeout: 60_000,
};
