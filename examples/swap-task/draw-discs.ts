import { mkdir, writeFile } from "node:fs/promises";
import path from "node:path";
import { prng } from "@kilotune/dataset";
import { encodeMask, encodePng } from "@kilotune/image/node";

export interface DrawnRows {
  /** Rows of each task about the same images. */
  readonly files: Readonly<Record<"detection" | "segmentation" | "classification", string>>;
  /** One more image, that no row is of. */
  readonly image: string;
}

const SIDE = 112;

/** Grey fields with one to three discs: dark ones, or bright ones. The same images at every call. */
export async function drawDiscs(folder: string, count: number): Promise<DrawnRows> {
  const random = prng(0, "discs");
  await mkdir(path.join(folder, "images"), { recursive: true });
  const rows: Record<keyof DrawnRows["files"], string[]> = {
    detection: [],
    segmentation: [],
    classification: [],
  };
  for (let at = 0; at <= count; at++) {
    const label = at % 2 === 0 ? "dark" : "bright";
    const mask = new Uint8Array(SIDE * SIDE);
    const objects = [];
    for (let disc = 0; disc < 1 + (at % 3); disc++) {
      const radius = 10 + random.integer(8);
      const [x, y] = [0, 1].map(() => radius + random.integer(SIDE - 2 * radius)) as [number, number];
      for (let py = y - radius; py < y + radius; py++)
        for (let px = x - radius; px < x + radius; px++)
          if ((px + 0.5 - x) ** 2 + (py + 0.5 - y) ** 2 <= radius ** 2) mask[py * SIDE + px] = 1;
      objects.push({ label: "disc", box: [x - radius, y - radius, x + radius, y + radius] });
    }
    const level = label === "dark" ? 60 : 200;
    const data = mask.map((inside) => (inside === 1 ? level : 128) + random.integer(24) - 12);
    const [image, maskName] = [`images/${at}.png`, `images/${at}-mask.png`];
    await writeFile(
      path.join(folder, image),
      await encodePng({ width: SIDE, height: SIDE, channels: 1, data }),
    );
    await writeFile(path.join(folder, maskName), await encodeMask({ width: SIDE, height: SIDE, data: mask }));
    if (at === count) return { files: await written(), image: path.join(folder, image) };
    rows.detection.push(JSON.stringify({ image, objects }));
    rows.segmentation.push(JSON.stringify({ image, mask: maskName }));
    rows.classification.push(JSON.stringify({ image, label }));
  }
  throw new Error("never here: the last image returns");

  async function written(): Promise<DrawnRows["files"]> {
    const files = await Promise.all(
      Object.entries(rows).map(async ([task, lines]) => {
        const file = path.join(folder, `${task}.jsonl`);
        await writeFile(file, lines.map((line) => `${line}\n`).join(""));
        return [task, file] as const;
      }),
    );
    return Object.fromEntries(files) as unknown as DrawnRows["files"];
  }
}
