import { existsSync } from "node:fs";
import path from "node:path";
import { type ImageEyes, lintImages } from "@kilotune/dataset";
import { imageFacts, maskFacts } from "@kilotune/image";
import { createSharpCodec } from "@kilotune/image/node";
import { expect, it } from "vitest";
import { imageSet } from "../bench/support/image-sets.ts";

const missing = !existsSync(path.resolve(import.meta.dirname, "../../shared/data"));

it.skipIf(missing)("lints the public image sets, files and all", async () => {
  const codec = createSharpCodec();
  const said: Record<string, unknown> = {};
  for (const name of ["cifar10", "bccd", "membrane"] as const) {
    const { train, test, file } = await imageSet(name);
    const eyes: ImageEyes = {
      image: async (path) => imageFacts(codec, await file(path)),
      mask: async (path) => maskFacts(codec, await file(path)),
    };
    // Of the many small ones every tenth.
    const readings = (rows: typeof train) =>
      rows.filter((_, i) => name !== "cifar10" || i % 10 === 0).map((row) => ({ kind: "row", row }) as const);
    const first = await lintImages(readings(train), { eyes });
    const second = await lintImages(readings(test), { eyes, against: first.linter });
    said[name] = [first.report, second.report].map(({ rows, labels, errors, warnings }) => ({
      rows,
      labels: labels.size,
      issues: [...errors, ...warnings].map(({ code, line }) => `${code} ${line}`),
    }));
  }
  expect(said).toMatchInlineSnapshot(`
    {
      "bccd": [
        {
          "issues": [
            "near_duplicate_images 37",
          ],
          "labels": 3,
          "rows": 120,
        },
        {
          "issues": [],
          "labels": 3,
          "rows": 60,
        },
      ],
      "cifar10": [
        {
          "issues": [],
          "labels": 10,
          "rows": 60,
        },
        {
          "issues": [],
          "labels": 10,
          "rows": 40,
        },
      ],
      "membrane": [
        {
          "issues": [],
          "labels": 2,
          "rows": 22,
        },
        {
          "issues": [],
          "labels": 2,
          "rows": 8,
        },
      ],
    }
  `);
});
