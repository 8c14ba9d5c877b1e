import sharp from "sharp";
import { ZipFile } from "yazl";

/** Pictures for journeys: a bright square on the left or the right, no two alike, with what there is to learn of them. */

export const [WIDTH, HEIGHT] = [40, 30];

export function pictureOf(at: number): Promise<Buffer> {
  const data = Buffer.alloc(WIDTH * HEIGHT * 3, 20 + at);
  const [left, top] = cornerOf(at);
  for (let y = top; y < top + 12; y++)
    for (let x = left; x < left + 12; x++) data.fill(230, 3 * (y * WIDTH + x), 3 * (y * WIDTH + x) + 3);
  return sharp(data, { raw: { width: WIDTH, height: HEIGHT, channels: 3 } })
    .png()
    .toBuffer();
}

/** 16 rows and their images, as they are uploaded. */
export async function zipOf(
  task: "classification" | "multi_label" | "segmentation" | "detection",
): Promise<Buffer> {
  const zip = new ZipFile();
  const rows: object[] = [];
  for (let at = 0; at < 16; at++) {
    const image = `pictures/${at}.png`;
    zip.addBuffer(await pictureOf(at), `set/${image}`);
    const [left, top] = cornerOf(at);
    if (task === "classification") rows.push({ image, label: at % 2 === 0 ? "left" : "right" });
    else if (task === "multi_label")
      rows.push({ image, labels: [...(at % 2 === 0 ? ["left"] : []), ...(at % 5 > 2 ? ["low"] : [])] });
    else if (task === "detection")
      rows.push({ image, objects: [{ label: "square", box: [left, top, left + 12, top + 12] }] });
    else {
      rows.push({ image, mask: `masks/${at}.png` });
      zip.addBuffer(await maskOf(at), `set/masks/${at}.png`);
    }
  }
  zip.addBuffer(Buffer.from(rows.map((row) => `${JSON.stringify(row)}\n`).join("")), "set/train.jsonl");
  zip.end();
  const parts: Buffer[] = [];
  for await (const part of zip.outputStream) parts.push(part as Buffer);
  return Buffer.concat(parts);
}

function maskOf(at: number): Promise<Buffer> {
  const data = Buffer.alloc(WIDTH * HEIGHT);
  const [left, top] = cornerOf(at);
  for (let y = top; y < top + 12; y++) data.fill(1, y * WIDTH + left, y * WIDTH + left + 12);
  return sharp(data, { raw: { width: WIDTH, height: HEIGHT, channels: 1 } })
    .toColourspace("b-w")
    .png()
    .toBuffer();
}

function cornerOf(at: number): [number, number] {
  return [(at % 2) * 24 + (at % 3), 4 + (at % 5)];
}
