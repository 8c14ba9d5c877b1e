import { openVisionWeb } from "@kilotune/backbone/web";
import { createCanvasCodec } from "@kilotune/image/browser";
import { decodePrompt } from "@kilotune/prompt";
import { createVisionPredictor, type ImageAnswer } from "@kilotune/serving/vision";

/**
 * A whole predictor of images in a page: the backbone's folder and the tenants' small files are fetched, images never leave the
 * browser. See vision-browser.test.ts.
 *
 * @param prompts addresses of prompt files
 */
export async function lookInBrowser(prompts: readonly string[], images: readonly string[]) {
  const bytesOf = async (url: string) => new Uint8Array(await (await fetch(url)).arrayBuffer());
  const manifest: unknown = await (await fetch("/backbone/manifest.json")).json();
  const weights = await bytesOf("/backbone/weights.safetensors");
  const backbone = await openVisionWeb({ manifest, files: new Map([["weights.safetensors", weights]]) });
  const predictor = await createVisionPredictor({
    backbone,
    codec: createCanvasCodec(),
    loadPrompt: async (url) => decodePrompt(await bytesOf(url)),
  });
  const answers: unknown[] = [];
  for (const url of images) {
    const image = await bytesOf(url);
    const found = await predictor.answer(prompts.map((prompt) => ({ image, prompt })));
    answers.push(found.map(plain));
  }
  await predictor.close();
  return answers;
}

/** As JSON takes it. */
function plain(answer: ImageAnswer) {
  return answer.task === "segmentation"
    ? { ...answer, map: { ...answer.map, data: [...answer.map.data] } }
    : answer;
}
