import path from "node:path";
import { encodeRle, outlineMask, maskOf, toCocoRle } from "@kilotune/image/masks";
import { encodeMask } from "@kilotune/image/node";
import type { ImageMap } from "@kilotune/serving";
import { defineCommand } from "../command.ts";
import { prepareOutput, writeWhole } from "../output-file.ts";
import { oneLine } from "../terminal/printable.ts";
import { table } from "../terminal/table.ts";
import { percent } from "../terminal/units.ts";
import { openExport } from "../export-answers.ts";
import { answerImages, imageFiles, imageFlags } from "./answer-images.ts";

export const segment = defineCommand({
  summary: "Say of each pixel of images what it is of, with a tuned prompt",
  details:
    "Maps have the size of the upright image. With --json each class comes as COCO's runs, or as polygons; --masks writes PNG\n" +
    "files whose grey levels are the numbers of the classes, 255 where nothing was looked at.",
  positionals: { images: imageFiles },
  flags: {
    ...imageFlags,
    masks: { kind: "text", value: "FOLDER", about: "Write NAME-mask.png of each image there" },
    coco: {
      kind: "text",
      value: "FILE",
      about: "Write the pixels of every class but the first, which lies around the others, as one COCO file",
    },
    as: {
      kind: "choice",
      of: ["rle", "polygons"],
      about: "How --json tells a class's pixels",
      default: "rle",
    },
  },
  examples: [
    {
      line: "kilotune segment --prompt out/membrane.safetensors slice.png --render out.png",
      purpose: "answer, and draw it",
    },
    {
      line: "kilotune segment --prompt out/membrane.safetensors a.png b.png --masks out/masks",
      purpose: "a mask file of each",
    },
  ],
  async run({ masks, as, coco, ...asked }, terminal) {
    const written = await openExport("segment", asked.images, { coco }, (words) => terminal.say(words));
    const labels = await answerImages({ command: "segment", ...asked }, "imageSegmentation", {}, terminal, {
      async result(answer, image) {
        const { map, classes, image: size } = answer as ImageMap;
        const segments = classes.flatMap(({ label, pixels }, place) => {
          if (place === 0 || pixels === 0 || coco === undefined) return [];
          const rle = toCocoRle(encodeRle(maskOf(map, place), map.width, map.height));
          return [{ label, segmentation: rle }];
        });
        written.add(image, size, { kind: "segments", segments });
        let mask: string | undefined;
        if (masks !== undefined) {
          mask = path.join(masks, `${path.parse(image).name}-mask.png`);
          await prepareOutput(mask);
          await writeWhole(mask, await encodeMask(map));
        }
        const told = classes.map(({ label, pixels, share, score }, place) => {
          const own = maskOf(map, place);
          const shape =
            as === "rle"
              ? { rle: toCocoRle(encodeRle(own, map.width, map.height)) }
              : { polygons: outlineMask(own, map.width, map.height) };
          return { label, pixels, share, score, ...(pixels > 0 ? shape : {}) };
        });
        return { width: size.width, height: size.height, classes: told, ...(mask && { mask }) };
      },
      words(answer, image) {
        const rows = (answer as ImageMap).classes
          .filter(({ pixels }) => pixels > 0)
          .map(({ label, share, pixels }) => [`  ${oneLine(label, 40)}`, percent(share), `${pixels} pixels`]);
        return [oneLine(image, 200), ...table(rows, ["left", "right", "right"])].join("\n");
      },
      drawing(answer) {
        const { map, classes } = answer as ImageMap;
        const legend = classes.flatMap(({ label, pixels, share }, place) =>
          place > 0 && pixels > 0 ? [{ label: place, words: `${label} ${percent(share)}` }] : [],
        );
        return { map, legend };
      },
    });
    await written.end(labels);
    return 0;
  },
});
