import { encodePrompt } from "@kilotune/prompt";
import { type BackboneFacts, exportPeft, importPrompt, openBaseModel } from "@kilotune/prompt/exchange";
import { writePromptFile } from "@kilotune/prompt/node";

/** @param facts `backbone.manifest` of @kilotune/backbone, built from the folder `checkpoint` */
export async function adopt(folder: string, out: string, checkpoint: string, facts: BackboneFacts) {
  await using base = await openBaseModel(checkpoint, facts);
  const { prompt, notes } = await importPrompt(folder, base, { labels: ["refund", "delivery", "other"] });
  await writePromptFile(out, encodePrompt(prompt, { storage: "float32" })); // serve it like any other
  const files = await exportPeft(prompt, base); // adapter_config.json, adapter_model.safetensors, ..
  return { origin: prompt.manifest.origin, notes, files: [...files.keys()] };
}
