import { expect, test } from "vitest";
import { decodePrompt } from "./decode.ts";
import { describePrompt } from "./describe.ts";
import { encodePrompt } from "./encode.ts";
import { kvPrompt, softPrompt } from "./sample-prompts.ts";

test("a description is plain data that adds up", async () => {
  const stored = await decodePrompt(encodePrompt(kvPrompt({ head: "linear" }), { storage: "float16" }));
  const { manifest, ...rest } = describePrompt(stored);
  expect(manifest).toBe(stored.prompt.manifest);
  expect(rest).toMatchInlineSnapshot(`
    {
      "checks": [
        "the manifest is kilotune.prompt/1 and has every field",
        "the tensors are just kv, head.weight, head.bias, in the shapes that the manifest asks for",
        "all 135 numbers are finite",
        "the head has one row for each of the 3 labels, no label is there twice",
      ],
      "id": "sha256-62ac505e13f894a0b1b75ed9520019dd89e305538230ca1fbc967e0063571002",
      "parameters": 135,
      "sizeBytes": 1614,
      "tensors": [
        {
          "dims": [
            2,
            2,
            2,
            5,
            3,
          ],
          "largestMagnitude": 1,
          "name": "kv",
          "sizeBytes": 240,
        },
        {
          "dims": [
            3,
            4,
          ],
          "largestMagnitude": 0.9990234375,
          "name": "head.weight",
          "sizeBytes": 24,
        },
        {
          "dims": [
            3,
          ],
          "largestMagnitude": 0.94140625,
          "name": "head.bias",
          "sizeBytes": 6,
        },
      ],
    }
  `);
  expect(JSON.parse(JSON.stringify(describePrompt(stored)))).toEqual(describePrompt(stored));
});

test("sizes are those of the storage", async () => {
  const stored = await decodePrompt(encodePrompt(softPrompt(), { storage: "float32" }));
  expect(describePrompt(stored).tensors.map(({ name, sizeBytes }) => [name, sizeBytes])).toEqual([
    ["soft", 5 * 4 * 4],
    ["head.weight", 3 * 4 * 4],
  ]);
});
