import { writeFileSync } from "node:fs";
import { readDocuments } from "./docs/documents.ts";

// Rewrites what the documents take from the tables of the code: `npm run docs`. A test fails when they differ.
for (const { path, current, generated } of readDocuments())
  if (current !== generated) writeFileSync(path, generated);
