import { differentiate, float32, GraphBuilder } from "@kilotune/engine";
import { openNodeSession } from "@kilotune/engine/node";
import { place } from "@kilotune/image";
import { IGNORED, type LabelMap } from "@kilotune/image/masks";
import { describe, expect, it } from "vitest";
import { headBytes, startHead } from "../head-tensors.ts";
import { segmentationHead } from "../patch-head.ts";
import { feedsOf, learn, noise, slopes } from "../testing.ts";
import { detailOf, mapOfLogits, sampleLogits, segmentationTargets } from "./cells.ts";
import { type SegmentationSpec, segmentationTensors } from "./segmentation-head.ts";

const SPEC: SegmentationSpec = {
  width: 4,
  height: 3,
  hiddenSize: 6,
  layers: 1,
  innerWidth: 8,
  classes: 3,
  cellsPerPatch: 3,
  cellWidth: 8,
};
const [W, H] = [12, 9];
const BY_CELL: SegmentationSpec = { ...SPEC, byCell: true };

describe.each([
  ["as older files have it", SPEC],
  ["whose patches tell of each cell", BY_CELL],
])("a segmentation head %s", (_, spec) => {
  const tensors = segmentationTensors(spec);
  const names = tensors.map(({ name }) => name);

  it("has the gradients that its loss has", async () => {
    const numbers = startHead(tensors, noise(1));
    const wrt = ["tokens", ...names];
    const found = await slopes(graph(spec, wrt), { ...batch(), ...feedsOf(tensors, numbers) }, wrt);
    for (const [name, gradient, difference] of found)
      expect([name, Math.abs(gradient - difference) / Math.abs(difference)]).toEqual([
        name,
        expect.closeTo(0, 3),
      ]);
  });

  it("learns maps by heart, edges that only the image shows", async () => {
    const numbers = startHead(tensors, noise(1));
    const session = await openNodeSession(graph(spec, names));
    await learn(session, tensors, numbers, batch(), { steps: 250, rate: 0.02 });
    const { logits } = await session.run({ ...batch(), ...feedsOf(tensors, numbers) });
    await session.release();
    const size = W * H * SPEC.classes;
    scenes().forEach((map, i) => {
      const answer = mapOfLogits(
        (logits!.data as Float32Array).subarray(i * size, (i + 1) * size),
        SPEC,
        place(map, { ...map, fit: { kind: "stretch" } }),
      );
      const wrong = answer.data.filter((label, at) => map.data[at] !== IGNORED && label !== map.data[at]);
      expect(wrong).toHaveLength(0);
    });
  });
});

describe("the segmentation head", () => {
  it("draws edges between the cells, and leaves what a crop has cut away", () => {
    const cells = { width: 2, height: 1, cellsPerPatch: 1, classes: 2 };
    // Class 1 leads by -1 in the left cell and by 3 in the right one: even a quarter of the way from middle to middle.
    const logits = Float32Array.from([0, -1, 0, 3]);
    const size = { width: 16, height: 8 };
    const all = mapOfLogits(logits, cells, place(size, { ...size, fit: { kind: "stretch" } }));
    expect([...all.data.slice(0, 16)]).toEqual([...Array(6).fill(0), ...Array(10).fill(1)]);
    const image = { width: 20, height: 8 };
    const cut = mapOfLogits(logits, cells, place(image, { ...size, fit: { kind: "crop", share: 1 } }), 7);
    expect([...cut.data.slice(0, 20)]).toEqual([7, 7, ...all.data.slice(0, 16), 7, 7]);
  });

  it.each([
    ["a letterbox", { kind: "letterbox", background: [0, 0, 0] }],
    ["a crop", { kind: "crop", share: 0.9 }],
  ] as const)("samples the logits that pixels are judged by: %s", (_, fit) => {
    const random = noise(3);
    const logits = Float32Array.from({ length: W * H * SPEC.classes }, random.normal);
    const placement = place({ width: 37, height: 29 }, { width: 24, height: 18, fit });
    const map = mapOfLogits(logits, SPEC, placement);
    const seen = map.data.filter((label) => label !== IGNORED).length;
    for (const most of [1, 50, 10_000]) {
      const { pixels, logits: own } = sampleLogits(logits, SPEC, placement, most);
      expect(pixels.length).toBeLessThanOrEqual(most);
      expect(pixels.length).toBeGreaterThan(Math.min(most, seen) / 4);
      pixels.forEach((pixel, at) => {
        const row = [...own.subarray(at * SPEC.classes, (at + 1) * SPEC.classes)];
        expect(row.indexOf(Math.max(...row))).toBe(map.data[pixel]);
      });
    }
  });

  it("keeps within its bytes at the sizes of a real backbone", () => {
    const real = {
      ...BY_CELL,
      width: 32,
      height: 32,
      hiddenSize: 384,
      layers: 3,
      innerWidth: 32,
      classes: 8,
      cellsPerPatch: 7,
      cellWidth: 24,
    };
    expect(headBytes(segmentationTensors(real), 2)).toBeLessThan(200_000);
  });
});

describe("cells", () => {
  it("hold shares of the known pixels, and the mean colour", () => {
    const map = { width: 24, height: 18, data: new Uint8Array(24 * 18).fill(2) };
    map.data.set([0, 1], 0);
    map.data.set([IGNORED, 2], 24);
    const { targets, weights } = segmentationTargets(map, SPEC);
    expect([...targets.slice(0, 6)]).toEqual(
      [1, 1, 1].map((x) => expect.closeTo(x / 3, 6)).concat([0, 0, 1]),
    );
    expect([...weights.slice(0, 2)]).toEqual([0.75, 1]);
    const tensor = Float32Array.from({ length: 3 * 24 * 18 }, (_, i) => Math.floor(i / (24 * 18)) + (i % 2));
    expect([...detailOf(tensor, 24, 18, SPEC).slice(0, 9)]).toEqual([
      0.5, 1.5, 2.5, 0.5, 1.5, 2.5, 0.5, 1.5, 2.5,
    ]);
    tensor[0] = 36;
    const [cell, , , three, , , nine] = detailOf(tensor, 24, 18, SPEC);
    expect([cell, three, nine]).toEqual([9.5, 0.5 + 9 / 4, expect.closeTo(0.5 + 9 / 25, 6)]);
  });
});

function graph(spec: SegmentationSpec, wrt: readonly string[]) {
  const b = new GraphBuilder("segmentation");
  const tokens = b.input("tokens", "float32", ["B", SPEC.width * SPEC.height, SPEC.hiddenSize]);
  segmentationHead(spec).add(b, { patches: tokens, taps: new Map() });
  return differentiate(b.build(), { loss: "loss", wrt });
}

/** A stripe of class 1, a square of class 2, a corner of which nothing is known. */
function scenes(): LabelMap[] {
  return [0, 1].map((shift) => ({
    width: W,
    height: H,
    data: Uint8Array.from({ length: W * H }, (_, i) => {
      const [x, y] = [i % W, Math.floor(i / W)];
      if (x + y < 2) return IGNORED;
      if (y === 4 + shift) return 1;
      return x > 7 + shift && y < 3 ? 2 : 0;
    }),
  }));
}

function batch() {
  const random = noise(3);
  const maps = scenes();
  const each = maps.map((map) => segmentationTargets(map, SPEC));
  const known = each.flatMap(({ weights }) => [...weights]);
  const detail = maps.flatMap(({ data }) =>
    [...data].flatMap((label) => [label === 1 ? 1 : 0, ...Array.from({ length: 8 }, () => random.normal())]),
  );
  return {
    tokens: float32(
      Array.from({ length: 2 * 12 * 6 }, () => random.normal()),
      [2, 12, 6],
    ),
    detail: float32(detail, [2, H, W, 9]),
    targets: float32(
      each.flatMap(({ targets }) => [...targets]),
      [2, W * H, SPEC.classes],
    ),
    weights: float32(known, [2, W * H]),
    scale: float32([1 / known.reduce((a, b) => a + b, 0)], []),
  };
}
