import type { Sharp, SharpOptions } from "sharp";
import { imageSet } from "./image-sets.ts";

/** Files as a tenant's folder mixes them, in turn: of 20 six small photos, six of a microscope, two scans, six others. */
export async function mixedImages(
  sharp: (input: Uint8Array, options?: SharpOptions) => Sharp,
  count: number,
): Promise<Uint8Array[]> {
  const [small, cells, scans] = [
    await imageSet("cifar10"),
    await imageSet("bccd"),
    await imageSet("membrane"),
  ];
  const cell = await cells.file(cells.train[0]!.image);
  const others = await Promise.all([
    // A telephone's photo of 12 million pixels, and one that was held upright.
    sharp(cell).resize(4000, 3000).jpeg({ quality: 85 }).toBuffer(),
    sharp(cell).resize(1600, 1200).withMetadata({ orientation: 6 }).jpeg().toBuffer(),
    sharp(cell).resize(600, 450).ensureAlpha(0.7).png().toBuffer(),
    sharp(cell).resize(800, 600).webp().toBuffer(),
    sharp(cell).resize(300, 225).gif().toBuffer(),
    sharp(cell).resize(500, 375).png({ palette: true }).toBuffer(),
  ]);
  const files: Uint8Array[] = [];
  for (let i = 0; files.length < count; i++) {
    for (let j = 0; j < 6; j++)
      files.push(await small.file(small.train[(6 * i + j) % small.train.length]!.image));
    for (let j = 0; j < 6; j++)
      files.push(await cells.file(cells.train[(6 * i + j) % cells.train.length]!.image));
    for (let j = 0; j < 2; j++)
      files.push(await scans.file(scans.train[(2 * i + j) % scans.train.length]!.image));
    files.push(...others);
  }
  return files.slice(0, count);
}
