import { readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { KilotuneError } from "@kilotune/contract";
import { z } from "zod";

/**
 * The images that ours begin with, by the Dockerfiles' argument. A tag comes to mean another image over time, so a build takes
 * the digest alone. A digest can only be had from a registry: `null` until somebody has asked one (`npm run image -- pin`) and
 * has committed the answer.
 */
export type BaseImages = z.infer<typeof SCHEMA>;
export type BaseName = keyof BaseImages;

const row = z.object({
  image: z.string().regex(/^[a-z0-9][a-z0-9./_-]*:[\w.-]+$/),
  digest: z
    .string()
    .regex(/^sha256:[0-9a-f]{64}$/)
    .nullable(),
});
const SCHEMA = z.object({ NODE_IMAGE: row, CUDA_IMAGE: row, LAMBDA_IMAGE: row });

export const BASE_IMAGES = path.join(import.meta.dirname, "base-images.json");

/** @throws KilotuneError `bad_base_images` */
export async function readBaseImages(file = BASE_IMAGES): Promise<BaseImages> {
  const { data, error } = SCHEMA.safeParse(JSON.parse(await readFile(file, "utf8")));
  if (data !== undefined) return data;
  throw new KilotuneError(
    "bad_base_images",
    `${file}: ${error.issues[0]?.path.join(".")} isn't as it should be`,
    'Each row is {"image": "name:tag", "digest": "sha256:.." or null}.',
  );
}

export async function writeBaseImages(images: BaseImages, file = BASE_IMAGES): Promise<void> {
  const rows = Object.entries(images).map(([name, { image, digest }]) => {
    return `  ${JSON.stringify(name)}: { "image": ${JSON.stringify(image)}, "digest": ${JSON.stringify(digest)} }`;
  });
  await writeFile(file, `{\n${rows.join(",\n")}\n}\n`);
}

/** @throws KilotuneError `base_image_not_pinned` */
export function pinned(images: BaseImages, name: BaseName): string {
  const { image, digest } = images[name];
  if (digest !== null) return `${image}@${digest}`;
  throw new KilotuneError(
    "base_image_not_pinned",
    `expected the digest of ${image} in base-images.json, saw none`,
    "Run `npm run image -- pin` where a registry can be reached, look at what it wrote, and commit it.",
  );
}
