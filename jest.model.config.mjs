// `npm run test:model`: long runs of the model by hand; a short one is part of `npm run test:faults`.
import { reporters, shared } from "./jest.config.mjs";

/** @type {import("jest").Config} */
export default {
  ...shared,
  testMatch: ["<rootDir>/app/test/model/**/*.test.ts"],
  reporters,
  maxWorkers: 1,
};
