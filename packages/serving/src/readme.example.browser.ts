import { openVisionWeb } from "@kilotune/backbone/web";
import { createCanvasCodec } from "@kilotune/image/browser";
import { decodePrompt } from "@kilotune/prompt";
import { createVisionPredictor } from "@kilotune/serving/vision";

/** In a page. `folder`: where the bundle of a backbone is served, as `kilotune backbone build` or `pull` made it. */
export async function openInPage(folder: string) {
  const bytesOf = async (url: string) => new Uint8Array(await (await fetch(url)).arrayBuffer());
  const manifest: unknown = await (await fetch(`${folder}/manifest.json`)).json();
  const weights = await bytesOf(`${folder}/weights.safetensors`);
  const files = new Map([["weights.safetensors", weights]]); // of an exported detector graph.onnx, too
  const backbone = await openVisionWeb({ manifest, files });
  const loadPrompt = async (url: string) => decodePrompt(await bytesOf(url));
  return createVisionPredictor({ backbone, codec: createCanvasCodec(), loadPrompt });
}
