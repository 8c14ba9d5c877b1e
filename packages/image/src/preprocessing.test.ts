import { describe, expect, it } from "vitest";
import { place } from "./placement.ts";
import {
  canonicalPreprocessing,
  IMAGENET,
  type Preprocessing,
  parsePreprocessing,
  preprocessingSha256,
} from "./preprocessing.ts";
import { writeTensor } from "./tensor.ts";

const SPEC: Preprocessing = {
  width: 4,
  height: 2,
  fit: { kind: "letterbox" },
  kernel: "linear",
  background: [255, 0, 51],
  ...IMAGENET,
};

describe("preprocessing", () => {
  it("comes back from JSON, its keys in any order, to the same hash", async () => {
    const shuffled = Object.fromEntries(Object.entries(SPEC).reverse());
    const parsed = parsePreprocessing(JSON.parse(JSON.stringify({ ...shuffled, more: 1 })));
    expect(parsed).toEqual(SPEC);
    expect(await preprocessingSha256(parsed)).toBe(await preprocessingSha256(SPEC));
    // A prompt that was bound to these numbers stays bound to them.
    expect(canonicalPreprocessing(SPEC)).toMatchInlineSnapshot(
      `"{"rules":1,"width":4,"height":2,"fit":{"kind":"letterbox"},"kernel":"linear","background":[255,0,51],"mean":[0.485,0.456,0.406],"std":[0.229,0.224,0.225]}"`,
    );
    expect(await preprocessingSha256(SPEC)).toMatchInlineSnapshot(
      `"8ccf342e97d0f0f5131608a534443d77b053e1e00da47ed9635ae025043d4721"`,
    );
  });

  it("has another hash for any other setting", async () => {
    const others: Partial<Preprocessing>[] = [
      { width: 5 },
      { fit: { kind: "stretch" } },
      { fit: { kind: "crop", share: 1 } },
      { fit: { kind: "crop", share: 0.875 } },
      { kernel: "cubic" },
      { background: [255, 0, 52] },
      { std: [1, 1, 1] },
    ];
    const hashes = await Promise.all(others.map((other) => preprocessingSha256({ ...SPEC, ...other })));
    expect(new Set([...hashes, await preprocessingSha256(SPEC)]).size).toBe(others.length + 1);
  });

  it.each([
    [null],
    [{ ...SPEC, width: 0 }],
    [{ ...SPEC, height: 5000 }],
    [{ ...SPEC, fit: { kind: "crop", share: 0 } }],
    [{ ...SPEC, fit: "letterbox" }],
    [{ ...SPEC, kernel: "nearest" }],
    [{ ...SPEC, background: [0, 0, 256] }],
    [{ ...SPEC, mean: [0, 0, Number.NaN] }],
    [{ ...SPEC, std: [0, 1, 1] }],
  ])("refuses %j", (value) => {
    expect(() => parsePreprocessing(value)).toThrow(expect.objectContaining({ code: "bad_preprocessing" }));
  });
});

describe("tensors", () => {
  it("hold the image in the middle and the background beside it, a plane a channel", () => {
    const placement = place({ width: 20, height: 20 }, SPEC);
    expect(placement.inner).toEqual({ left: 1, top: 0, width: 2, height: 2 });
    const plain = { ...SPEC, mean: [0, 0, 0.2], std: [1, 1, 2] } as const;
    const pixels = {
      width: 2,
      height: 2,
      channels: 3,
      data: Uint8Array.from({ length: 12 }, (_, i) => 51 * (i % 6)),
    } as const;
    const out = new Float32Array(1 + 24).fill(9);
    writeTensor(pixels, placement, plain, out, 1);
    const fifths = Array.from(out.subarray(1), (value) => Math.round(value * 1e4) / 1e4);
    expect(out[0]).toBe(9);
    expect(fifths).toEqual([
      ...[1, 0, 0.6, 1, 1, 0, 0.6, 1],
      ...[0, 0.2, 0.8, 0, 0, 0.2, 0.8, 0],
      ...[0, 0.1, 0.4, 0, 0, 0.1, 0.4, 0],
    ]);
    const grey = { ...pixels, channels: 1, data: Uint8Array.from([0, 51, 102, 255]) } as const;
    writeTensor(grey, placement, { ...plain, mean: [0, 0, 0], std: [1, 1, 1] }, out, 1);
    expect([...out.subarray(2, 4), ...out.subarray(10, 12)].map((x) => Math.round(x * 5))).toEqual([
      0, 1, 0, 1,
    ]);
  });
});
