import type { ImageClasses } from "@kilotune/serving";
import { bar } from "../terminal/bar.ts";
import { oneLine } from "../terminal/printable.ts";
import { table } from "../terminal/table.ts";
import type { Terminal } from "../terminal/terminal.ts";
import { percent } from "../terminal/units.ts";
import { answerImages } from "./answer-images.ts";

/** `kilotune classify` where the prompt is one of images. */
export async function classifyImages(
  asked: {
    readonly images: readonly string[];
    readonly prompt: readonly string[];
    readonly backbone: string | undefined;
  },
  { topK, logits }: { readonly topK: number | undefined; readonly logits: boolean },
  terminal: Terminal,
): Promise<void> {
  const options = { numbers: logits, ...(topK === undefined ? {} : { topK }) };
  await answerImages(
    { command: "classify", render: undefined, ...asked },
    "imageClassification",
    options,
    terminal,
    {
      async result(answer) {
        const { label, score, scores, labels, numbers } = answer as ImageClasses;
        const all = new Map(scores.map((each) => [each.label, each.score]));
        return {
          label,
          score,
          ...(labels && { labels }),
          scores: all,
          ...(numbers && { logits: [...numbers] }),
        };
      },
      words(answer, image) {
        const { scores, labels } = answer as ImageClasses;
        if (labels?.length === 0) return [oneLine(image, 200), "  none of its labels"].join("\n");
        const rows = (labels ?? scores.slice(0, SHOWN)).map(({ label, score }) => [
          `  ${oneLine(label, 40)}`,
          bar(score, 24),
          percent(score),
        ]);
        const [best = "", ...others] = table(rows, ["left", "left", "right"]);
        return [oneLine(image, 200), terminal.paint("stdout", "green", best), ...others].join("\n");
      },
      drawing: () => ({}),
    },
  );
}

const SHOWN = 3;
