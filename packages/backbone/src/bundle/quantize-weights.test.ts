import { float32, type Tensor } from "@kilotune/engine";
import fc from "fast-check";
import { expect, it } from "vitest";
import { quantizePlan } from "./quantize-weights.ts";

/** What a bundle holds of one weight [rows, columns]. */
function storedOf(ours: string, { data, dims }: Tensor) {
  const plan = quantizePlan([{ ours, dims, from: ["theirs"] }]);
  return new Map(
    plan.map(({ ours: name, make, ...about }) => [name, { ...about, data: make?.([data as Float32Array]) }]),
  );
}

const matrix = fc
  .tuple(fc.integer({ min: 1, max: 5 }), fc.integer({ min: 1, max: 7 }))
  .chain(([rows, columns]) =>
    fc
      .array(fc.float({ noNaN: true, min: -1000, max: 1000 }), {
        minLength: rows * columns,
        maxLength: rows * columns,
      })
      .map((data) => float32(data, [rows, columns])),
  );

it("products: codes from -63 to 63, turned, each within half a step of its weight", () => {
  fc.assert(
    fc.property(matrix, (weight) => {
      const [rows, columns] = weight.dims as [number, number];
      const stored = storedOf("layer.0.output.weight", weight);
      const codes = stored.get("layer.0.output.weight")!;
      const scale = stored.get("layer.0.output.weight.scale")!;
      expect([codes.dtype, codes.dims, scale.dims]).toEqual(["int8", [columns, rows], [rows]]);
      for (let row = 0; row < rows; row++)
        for (let column = 0; column < columns; column++) {
          const code = codes.data![column * rows + row] as number;
          const step = scale.data![row] as number;
          expect(Math.abs(code)).toBeLessThanOrEqual(63);
          const away = Math.abs(code * step - (weight.data[row * columns + column] as number));
          expect(away).toBeLessThanOrEqual(step * 0.5001);
        }
    }),
  );
});

it("tables: codes from -127 to 127, as they lie, a scale a row", () => {
  const stored = storedOf("embeddings.word", float32([1, -2, 0, 0, 0.5, 0.25], [3, 2]));
  expect(stored.get("embeddings.word")).toMatchObject({
    dtype: "int8",
    dims: [3, 2],
    data: Int8Array.of(64, -127, 0, 0, 127, 64),
  });
  const scale = stored.get("embeddings.word.scale")?.data as Float32Array;
  expect(scale[0]).toBeCloseTo(2 / 127, 8);
  expect(scale[2]).toBeCloseTo(0.5 / 127, 8);
});

it("leaves biases, norms and what no product or look-up reads as they are", () => {
  const plan = [
    { ours: "layer.0.output.bias", dims: [3], from: ["a"] },
    { ours: "embeddings.norm.weight", dims: [3], from: ["b"] },
    { ours: "embeddings.relative", dims: [32, 4], from: ["c"] },
  ];
  expect(quantizePlan(plan)).toEqual(plan);
});
