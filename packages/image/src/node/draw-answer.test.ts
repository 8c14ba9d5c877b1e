import { expect, test } from "vitest";
import { decodeImage } from "../prepare-image.ts";
import { drawAnswer } from "./draw-answer.ts";
import { createSharpCodec } from "./sharp-codec.ts";

const [width, height] = [60, 40];
const grey = { width, height, channels: 1, data: new Uint8Array(width * height).fill(128) } as const;

async function drawn(drawing: Parameters<typeof drawAnswer>[1]) {
  const { data, ...size } = await decodeImage(createSharpCodec(), await drawAnswer(grey, drawing));
  expect(size).toEqual({ width, height, channels: 3 });
  return (x: number, y: number) => [...data.subarray((y * width + x) * 3, (y * width + x) * 3 + 3)];
}

test("a box has its class's colour on its edge, and leaves what is inside", async () => {
  const at = await drawn({ boxes: [{ label: 1, words: "<a> & b", box: [20, 10, 50, 30] }] });
  const [r, , b] = at(20, 20) as [number, number, number];
  expect(b).toBeGreaterThan(r + 60);
  expect(at(35, 20)).toEqual([128, 128, 128]);
  expect(at(5, 35)).toEqual([128, 128, 128]);
});

test("a mask is tinted, its first class and what isn't known are not", async () => {
  const data = new Uint8Array(width * height);
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++) data[y * width + x] = x < 20 ? 0 : x < 40 ? 1 : 255;
  const at = await drawn({ map: { width, height, data } });
  expect(at(8, 20)).toEqual([128, 128, 128]);
  expect(at(30, 20)).not.toEqual([128, 128, 128]);
  expect(at(52, 20)).toEqual([128, 128, 128]);
});
