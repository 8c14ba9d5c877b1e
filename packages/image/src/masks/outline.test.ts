import fc from "fast-check";
import { expect, it } from "vitest";
import { outlineMask } from "./outline.ts";
import { polygonsToRle } from "./polygon.ts";
import { decodeRle } from "./rle.ts";

it("walks around each part, its corners alone", () => {
  const mask = rows("11..1", "11..1", "..1..");
  expect(outlineMask(mask, 5, 3)).toEqual([
    [0, 0, 2, 0, 2, 2, 0, 2],
    [4, 0, 5, 0, 5, 2, 4, 2],
    [2, 2, 3, 2, 3, 3, 2, 3],
  ]);
  expect(outlineMask(rows("...", "..."), 3, 2)).toEqual([]);
});

it("gives the mask again when drawn, with its holes filled", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 12 }),
      fc.array(fc.boolean(), { minLength: 1, maxLength: 140 }),
      (width, bits) => {
        const height = Math.ceil(bits.length / width);
        const mask = Uint8Array.from({ length: width * height }, (_, i) => Number(bits[i] ?? false));
        const outlines = outlineMask(mask, width, height);
        const drawn =
          outlines.length === 0
            ? new Uint8Array(mask.length)
            : decodeRle(polygonsToRle(outlines, width, height));
        expect(drawn).toEqual(filled(mask, width, height));
      },
    ),
    { numRuns: 300 },
  );
});

/** What isn't reached from outside over empty pixels, corners counting as open. */
function filled(mask: Uint8Array, width: number, height: number): Uint8Array {
  const [w, h] = [width + 2, height + 2];
  const outside = new Uint8Array(w * h);
  const open = [0];
  outside[0] = 1;
  for (let at = open.pop(); at !== undefined; at = open.pop()) {
    for (const dy of [-1, 0, 1])
      for (const dx of [-1, 0, 1]) {
        const [x, y] = [(at % w) + dx, Math.floor(at / w) + dy];
        if (x < 0 || y < 0 || x >= w || y >= h || outside[y * w + x] === 1) continue;
        if (x > 0 && y > 0 && x <= width && y <= height && mask[(y - 1) * width + x - 1] === 1) continue;
        outside[y * w + x] = 1;
        open.push(y * w + x);
      }
  }
  return mask.map((_, i) => 1 - outside[(Math.floor(i / width) + 1) * w + (i % width) + 1]!);
}

function rows(...lines: string[]): Uint8Array {
  return Uint8Array.from(lines.join(""), (letter) => Number(letter === "1"));
}
