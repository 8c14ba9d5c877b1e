import { readFile } from "node:fs/promises";
import { tinyVisionBackbone } from "@kilotune/backbone/testing";
import { encodePng } from "@kilotune/image/node";
import { expect, it } from "vitest";
import { look } from "./readme.example.ts";
import { type ImagePromptShape, randomImagePrompt, randomPixels } from "./vision/testing.ts";

it("the README's example is a file, and answers three tasks of one image", async () => {
  // The page's is run by test/vision-browser.test.ts.
  const [readme, ...examples] = await Promise.all(
    ["../README.md", "./readme.example.ts", "./readme.example.browser.ts"].map((file) =>
      readFile(new URL(file, import.meta.url), "utf8"),
    ),
  );
  for (const example of examples) expect(readme).toContain(`\`\`\`ts\n${example}\`\`\`\n`);
  await using tiny = await tinyVisionBackbone();
  const shapes: Record<string, ImagePromptShape> = {
    "cells.boxes": { task: "detection", method: "kv" },
    "cells.mask": { task: "segmentation", method: "head" },
    "cells.kind": { task: "classification", method: "soft" },
  };
  const { manifest } = tiny.backbone;
  const loadPrompt = async (ref: string) => randomImagePrompt(manifest, ref.length, shapes[ref]!);
  const { boxes, classes, outlines, label } = await look(
    tiny.backbone,
    loadPrompt,
    await encodePng(randomPixels(3, 40, 32)),
  );
  expect(boxes.every(({ score }) => score >= 0.3)).toBe(true);
  expect(classes.map((each) => each.label)).toEqual(["cat", "dog", "bird"]);
  expect(outlines).toHaveLength(3);
  expect(["cat", "dog", "bird"]).toContain(label);
});
