import type { VisionHead } from "@kilotune/backbone";
import { differentiate, float32, GraphBuilder } from "@kilotune/engine";
import { openNodeSession } from "@kilotune/engine/node";
import type { Box } from "@kilotune/image";
import { describe, expect, it } from "vitest";
import { headBytes, startHead } from "../head-tensors.ts";
import { detectionHead } from "../patch-head.ts";
import { feedsOf, learn, noise, slopes } from "../testing.ts";
import { decodeDetections } from "./decode-detections.ts";
import { type DetectionSpec, detectionTensors, numbersPerCell } from "./detection-head.ts";
import { detectionTargets } from "./targets.ts";

const SPEC: DetectionSpec = {
  width: 5,
  height: 4,
  hiddenSize: 6,
  layers: 2,
  innerWidth: 8,
  classes: 2,
  cellsPerPatch: 2,
  cellSize: 7,
  usualReach: 2,
};
const R = SPEC.width * SPEC.height * SPEC.cellsPerPatch ** 2;
const tensors = detectionTensors(SPEC);
const names = tensors.map(({ name }) => name);

/** Frame of 70 x 56 pixels. */
const SCENES: { label: number; box: Box }[][] = [
  [
    { label: 0, box: [3, 4, 30, 29] },
    { label: 1, box: [35, 20, 66, 51] },
  ],
  [
    { label: 1, box: [0, 30, 15, 44] },
    { label: 0, box: [40, 2, 69, 20] },
    { label: 0, box: [22, 24, 46, 56] },
  ],
  [],
];

describe("the detection head", () => {
  it("has the gradients that its loss has", async () => {
    const numbers = startHead(tensors, noise(1));
    const found = await slopes(graph(["tokens.0", ...names]), { ...batch(), ...feedsOf(tensors, numbers) }, [
      "tokens.0",
      ...names,
    ]);
    for (const [name, gradient, difference] of found)
      expect([name, Math.abs(gradient - difference) / Math.abs(difference)]).toEqual([
        name,
        expect.closeTo(0, 3),
      ]);
  });

  it("learns scenes by heart and gives their boxes back", async () => {
    const numbers = startHead(tensors, noise(1));
    const session = await openNodeSession(graph(names));
    const losses = await learn(session, tensors, numbers, batch(), { steps: 300, rate: 0.01 });
    expect(losses.at(-1)!).toBeLessThan(losses[0]! / 20);
    const { output } = await session.run({ ...batch(), ...feedsOf(tensors, numbers) });
    await session.release();
    const size = R * numbersPerCell(SPEC);
    SCENES.forEach((objects, i) => {
      const found = decodeDetections(
        (output!.data as Float32Array).subarray(i * size, (i + 1) * size),
        SPEC,
        { threshold: 0.4 },
      );
      expect(found).toHaveLength(objects.length);
      for (const { label, box } of objects) {
        const best = found
          .filter((one) => one.label === label)
          .map((one) => Math.max(...one.box.map((v, side) => Math.abs(v - box[side]!))));
        expect(Math.min(...best)).toBeLessThan(2.5);
      }
    });
  });

  it("keeps within its bytes at the sizes of a real backbone", () => {
    const real = { ...SPEC, width: 32, height: 32, hiddenSize: 384, layers: 2, innerWidth: 48, classes: 3 };
    expect(headBytes(detectionTensors(real), 4)).toBeLessThan(300_000);
  });
});

describe("targets", () => {
  it("put the middle where it is, and give a cell to the smaller object", () => {
    const large: Box = [0, 0, 70, 56];
    const small: Box = [28, 21, 42, 35];
    const { middles, elsewhere, sides, inside, objects } = detectionTargets(
      [
        { label: 0, box: small },
        { label: 1, box: large },
      ],
      SPEC,
    );
    expect(objects).toBe(2);
    const middle = 4 * 10 + 5;
    expect([...middles.keys()].filter((i) => middles[i] === 1)).toEqual([middle * 2, middle * 2 + 1]);
    expect([elsewhere[middle * 2], elsewhere[0]]).toEqual([0, 1]);
    expect([...sides.slice(middle * 4, middle * 4 + 4)]).toEqual([1.5, 1.5, 0.5, 0.5]);
    expect(inside[0]).toBe(0);
  });

  it("come back from a perfect output, whatever the boxes", () => {
    const random = noise(5);
    for (let round = 0; round < 50; round++) {
      const [x, y] = [random.uniform() * 60, random.uniform() * 46];
      // Of a cell's size at least, drawn to a twentieth of a cell where its side touches the cell's middle.
      const box: Box = [x, y, x + 7 + random.uniform() * (63 - x), y + 7 + random.uniform() * (49 - y)];
      const { middles, sides } = detectionTargets([{ label: 1, box }], SPEC);
      const output = Float32Array.from({ length: R * 6 }, (_, i) => {
        const [cell, k] = [Math.floor(i / 6), i % 6];
        return k < 2 ? (middles[cell * 2 + k] === 1 ? 5 : -9) : Math.log(sides[cell * 4 + k - 2]!);
      });
      const [found, ...more] = decodeDetections(output, SPEC);
      expect(more).toEqual([]);
      expect(found!.label).toBe(1);
      found!.box.forEach((value, i) => {
        expect(Math.abs(value - Math.min(i % 2 === 0 ? 70 : 56, box[i]!))).toBeLessThan(0.36);
      });
    }
  });
});

function graph(wrt: readonly string[]) {
  const b = new GraphBuilder("detection");
  const tokens = [0, 1].map((i) =>
    b.input(`tokens.${i}`, "float32", ["B", SPEC.width * SPEC.height, SPEC.hiddenSize]),
  );
  // The type is the backbone's: what it takes is what is made here.
  const head: VisionHead = detectionHead(SPEC, [1]);
  head.add(b, { taps: new Map([[1, tokens[0]!]]), patches: tokens[1]! });
  return differentiate(b.build(), { loss: "loss", wrt });
}

function batch() {
  const random = noise(3);
  const B = SCENES.length;
  const each = SCENES.map((objects) => detectionTargets(objects, SPEC));
  const all = (key: "middles" | "elsewhere" | "sides" | "inside", ...dims: number[]) =>
    float32(
      each.flatMap((targets) => [...targets[key]]),
      [B, R, ...dims],
    );
  const tokens = () =>
    float32(
      Array.from({ length: B * 20 * 6 }, () => random.normal()),
      [B, 20, 6],
    );
  return {
    "tokens.0": tokens(),
    "tokens.1": tokens(),
    middles: all("middles", 2),
    elsewhere: all("elsewhere", 2),
    sides: all("sides", 4),
    inside: all("inside"),
    scale: float32([1 / each.reduce((sum, { objects }) => sum + objects, 0)], []),
  };
}
