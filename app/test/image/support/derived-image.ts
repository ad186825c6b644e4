import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buildImage } from "./build.ts";
import { productionImage, runName } from "./run.ts";

/**
 * An image made from the production image with more migrations, as a release makes it; its name.
 *
 * @param migrations their SQL by file name, for example `000900_add_note.up.sql`
 */
export async function deriveImage(
  name: string,
  migrations: Readonly<Record<string, string>>,
): Promise<string> {
  const context = await mkdtemp(join(tmpdir(), "headgate-derived-"));
  try {
    await mkdir(join(context, "more"));
    for (const [file, sql] of Object.entries(migrations)) await writeFile(join(context, "more", file), sql);
    await writeFile(
      join(context, "Dockerfile"),
      `FROM ${productionImage()}\nCOPY more/ /app/migrations/\nENV HEADGATE_REVISION=${name}\n`,
    );
    const tag = `headgate-test:${runName()}-${name}`;
    const { code, output } = await buildImage({ context, file: "Dockerfile", tag });
    if (code !== 0) throw new Error(`${tag} cannot be built:\n${output}`);
    return tag;
  } finally {
    await rm(context, { recursive: true });
  }
}
