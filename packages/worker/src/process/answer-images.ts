import type { VisionBackbone } from "@kilotune/backbone";
import { createSharpCodec } from "@kilotune/image/node";
import { readPromptFile } from "@kilotune/prompt/node";
import { createVisionPredictor } from "@kilotune/serving";
import { imageRowsOf } from "../images/image-source.ts";
import type { AnswerTask, AnswerTaskResult, TaskHooks } from "./tasks.ts";

/**
 * Images of a file, evenly spread, answered by a prompt's file through the graph that serves. A prompt that can't be served,
 * or whose numbers overflow, ends in the predictor's own error.
 */
export async function answerImages(
  backbone: VisionBackbone,
  { prompt, rows, task, maxRows }: AnswerTask,
  { signal }: Pick<TaskHooks, "signal">,
): Promise<AnswerTaskResult> {
  const stored = await readPromptFile(prompt);
  const kind = task === "segmentation" ? "segment" : task === "detection" ? "detect" : "classify";
  await using opened = await imageRowsOf(rows.path, rows.name).open(kind);
  const known = new Set<string>(stored.prompt.manifest.labels);
  const all: { readonly image: string; readonly label: string | undefined }[] = [];
  for await (const reading of opened.readings) {
    if (reading.kind !== "row") continue;
    const { image, target } = reading.row;
    const label = target.kind === "labels" && !target.several ? target.labels[0] : undefined;
    if (label === undefined || known.has(label)) all.push({ image, label });
  }
  const stride = Math.max(1, Math.ceil(all.length / maxRows));
  const chosen = all.filter((_, at) => at % stride === 0);
  const loadPrompt = async () => stored;
  const predictor = await createVisionPredictor({ backbone, loadPrompt, codec: createSharpCodec() });
  let right = 0;
  try {
    for (const { image, label } of chosen) {
      const request = { image: await opened.read(image), prompt: stored.id };
      const [answer] = await predictor.answer([request], { topK: 1, signal });
      if (answer?.task === "classification" && answer.label === label) right++;
    }
  } finally {
    await predictor.close();
  }
  return { rows: chosen.length, right: task === "classification" ? right : null, disagreeing: 0 };
}
