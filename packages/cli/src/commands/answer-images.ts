import { readFile } from "node:fs/promises";
import { KilotuneError, retold } from "@kilotune/contract";
import { decodeImage } from "@kilotune/image";
import { createSharpCodec, type Drawing, drawAnswer } from "@kilotune/image/node";
import { expectUse, type StoredPrompt, type UseName } from "@kilotune/prompt";
import { readPromptFile } from "@kilotune/prompt/node";
import { type AnswerOptions, createVisionPredictor, type ImageAnswer } from "@kilotune/serving";
import { assertReadable } from "../input-file.ts";
import { prepareOutput, writeWhole } from "../output-file.ts";
import { backboneFor } from "../prompt-backbone.ts";
import type { Terminal } from "../terminal/terminal.ts";
import { usageError } from "../usage-error.ts";
import { openVision } from "../with-backbone.ts";

export interface AskedImages {
  readonly command: string;
  readonly images: readonly string[];
  readonly prompt: readonly string[];
  readonly backbone: string | undefined;
  readonly render: string | undefined;
}

/** What is the same of `classify`, `segment` and `detect` on images: one answer after the other, in the order of the files. @returns the prompt's labels */
export async function answerImages(
  { command, images, prompt: [file = "", ...others], backbone: asked, render }: AskedImages,
  use: UseName,
  options: AnswerOptions,
  terminal: Terminal,
  told: {
    result(answer: ImageAnswer, image: string): Promise<Readonly<Record<string, unknown>>>;
    words(answer: ImageAnswer, image: string): string;
    drawing(answer: ImageAnswer): Drawing;
  },
): Promise<readonly string[]> {
  if (others.length > 0) throw usageError(command, "--prompt is given more than once", "Give one prompt.");
  if (images.length === 0) throw usageError(command, "expected images", "Give IMAGE files.");
  if (render !== undefined && images.length > 1)
    throw usageError(command, "--render draws one image, and several are given", "Give one IMAGE.");
  for (const image of images) await assertReadable(image);
  if (render !== undefined) await prepareOutput(render);
  const stored: StoredPrompt = expectUse(await readPromptFile(file), use);
  const backbone = await openVision(backboneFor(stored.prompt.manifest, asked), terminal);
  const codec = createSharpCodec();
  const predictor = await createVisionPredictor({ backbone, codec, loadPrompt: async () => stored });
  try {
    for (let from = 0; from < images.length; from += AT_ONCE) {
      const part = images.slice(from, from + AT_ONCE);
      const bytes = await Promise.all(part.map((image) => readFile(image)));
      const requests = bytes.map((image) => ({ image, prompt: file }));
      const answers = await predictor.answer(requests, options).catch((error: unknown) => {
        throw named(error, part);
      });
      for (const [at, answer] of answers.entries()) {
        const image = part[at] as string;
        if (render !== undefined) {
          const pixels = await decodeImage(codec, bytes[at] as Uint8Array);
          await writeWhole(render, await drawAnswer(pixels, told.drawing(answer)));
        }
        const result = { image, ...(await told.result(answer, image)), prompt: stored.id };
        terminal.result(result, () =>
          render === undefined
            ? told.words(answer, image)
            : `${told.words(answer, image)}\nDrawn into ${render}`,
        );
      }
      await terminal.drained();
    }
    return stored.prompt.manifest.labels;
  } finally {
    await predictor.close();
  }
}

/** Of the predictor's batches one; all that is held of many files. */
const AT_ONCE = 16;

/** The predictor numbers images; the user knows their files. */
function named(error: unknown, files: readonly string[]): unknown {
  if (!(error instanceof KilotuneError)) return error;
  const at = Number(/^image (\d+) of \d+: /.exec(error.message)?.[1] ?? 1) - 1;
  const { code } = error;
  if (!code.startsWith("image_") && !code.startsWith("dicom_")) return error;
  const message = `${files[at]}: ${error.message.replace(/^image \d+ of \d+: /, "")}`;
  return retold(error, { message });
}

/** The flags that they share. */
export const imageFlags = {
  prompt: { kind: "texts", value: "FILE", required: true, about: "A prompt that was tuned for it; once" },
  backbone: {
    kind: "text",
    value: "ID|FOLDER",
    about: "The one that the prompt was tuned on; the prompt's own else",
  },
  render: { kind: "text", value: "FILE", about: "Draw the answer over the one image, as a PNG" },
} as const;

export const imageFiles = {
  value: "IMAGE",
  count: "any",
  about: "JPEG, PNG, WebP, GIF, TIFF or DICOM files",
} as const;
