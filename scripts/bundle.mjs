// Bundles the programs into dist/programs/, nothing else: what the production image is made of.
import { dirname } from "node:path";
import { bundle } from "./prepare/bundle.mjs";

await bundle(dirname(import.meta.dirname));
