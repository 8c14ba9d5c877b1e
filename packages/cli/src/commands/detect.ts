import type { ImageObjects } from "@kilotune/serving";
import { defineCommand } from "../command.ts";
import { oneLine } from "../terminal/printable.ts";
import { table } from "../terminal/table.ts";
import { percent } from "../terminal/units.ts";
import { usageError } from "../usage-error.ts";
import { openExport } from "../export-answers.ts";
import { answerImages, imageFiles, imageFlags } from "./answer-images.ts";

export const detect = defineCommand({
  summary: "Find objects in images with a tuned prompt",
  details: "Boxes are in pixels of the upright image: xmin, ymin, xmax, ymax. The surest come first.",
  positionals: { images: imageFiles },
  flags: {
    ...imageFlags,
    threshold: {
      kind: "text",
      value: "SCORE",
      about: "Say nothing below this score, 0 to 1; the prompt's own else",
    },
    coco: { kind: "text", value: "FILE", about: "Write all that was found as one COCO file, with scores" },
    yolo: {
      kind: "text",
      value: "FOLDER",
      about: "Write NAME.txt of each image there, as YOLO reads boxes, and classes.txt",
    },
    most: { kind: "integer", value: "N", min: 1, max: 1000, about: "Objects an image at most; 100 else" },
  },
  examples: [
    {
      line: "kilotune detect --prompt out/cells.safetensors cells.png --render out.png",
      purpose: "find, and draw what was found",
    },
    {
      line: "kilotune detect --prompt out/cells.safetensors a.png b.png --threshold 0.5 --json",
      purpose: "for a program",
    },
    {
      line: "kilotune detect --prompt out/cells.safetensors images/*.jpg --yolo out/labels",
      purpose: "boxes to begin with, for a person to mend",
    },
  ],
  async run({ threshold, most, coco, yolo, ...asked }, terminal) {
    const written = await openExport("detect", asked.images, { coco, yolo }, (words) => terminal.say(words));
    const options = {
      ...(threshold === undefined ? {} : { threshold: share(threshold) }),
      ...(most === undefined ? {} : { most }),
    };
    const labels = await answerImages({ command: "detect", ...asked }, "imageDetection", options, terminal, {
      async result(answer, image) {
        const { objects, image: size } = answer as ImageObjects;
        written.add(image, size, { kind: "objects", objects });
        return { width: size.width, height: size.height, objects };
      },
      words: (answer, image) => objectWords(answer as ImageObjects, image),
      drawing(answer) {
        const { objects } = answer as ImageObjects;
        const labels = [...new Set(objects.map(({ label }) => label))].sort();
        return {
          boxes: objects.map(({ label, score, box }) => ({
            label: labels.indexOf(label),
            words: `${label} ${percent(score)}`,
            box,
          })),
        };
      },
    });
    await written.end(labels);
    return 0;
  },
});

function share(value: string): number {
  const number = Number(value);
  if (value.trim() !== "" && number >= 0 && number <= 1) return number;
  throw usageError(
    "detect",
    `--threshold: expected a number from 0 to 1, but saw ${oneLine(value, 40)}`,
    "Write 0.5.",
  );
}

const SHOWN = 20;

function objectWords({ objects }: ImageObjects, image: string): string {
  const rows = objects
    .slice(0, SHOWN)
    .map(({ label, score, box }) => [
      `  ${oneLine(label, 40)}`,
      percent(score),
      box.map((side) => side.toFixed(0)).join(" "),
    ]);
  return [
    `${oneLine(image, 200)}: ${objects.length} ${objects.length === 1 ? "object" : "objects"}`,
    ...table(rows, ["left", "right", "left"]),
    ...(objects.length > SHOWN ? [`  and ${objects.length - SHOWN} more`] : []),
  ].join("\n");
}
