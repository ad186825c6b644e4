// `npm run test:image`: builds the images and runs them on a real Docker engine.
import { shared } from "./jest.config.mjs";

/** @type {import("jest").Config} */
export default {
  ...shared,
  testMatch: ["<rootDir>/app/test/image/**/*.test.ts"],
  globalSetup: "<rootDir>/app/test/image/support/global-setup.ts",
  globalTeardown: "<rootDir>/app/test/image/support/global-teardown.ts",
  reporters: ["default", "<rootDir>/app/test/image/support/skipped-reporter.mjs"],
  // Containers share the machine's processors with us.
  maxWorkers: 2,
  testTimeout: 180_000,
};
