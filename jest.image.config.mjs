// `npm run test:image`: builds the images and runs them on a real Docker engine.
import { reporters, shared } from "./jest.config.mjs";

/** @type {import("jest").Config} */
export default {
  ...shared,
  testMatch: ["<rootDir>/app/test/image/**/*.test.ts"],
  globalSetup: "<rootDir>/app/test/image/support/global-setup.ts",
  globalTeardown: "<rootDir>/app/test/image/support/global-teardown.ts",
  reporters,
  // Containers share the machine's processors with us.
  maxWorkers: 2,
  testTimeout: 180_000,
};
