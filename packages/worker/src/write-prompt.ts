import type { Score } from "@kilotune/contract";
import { decodePrompt, encodePrompt, type Prompt, type StoredPrompt } from "@kilotune/prompt";
import { writePromptFile } from "@kilotune/prompt/node";

/** Writes the file, with what was measured on `prompt`, and reads it back. */
export async function writePrompt(
  prompt: Prompt,
  metrics: { readonly heldOut?: Score; readonly test?: Score },
  out: string,
): Promise<StoredPrompt> {
  const measured = { ...prompt, manifest: { ...prompt.manifest, metrics } } as Prompt;
  const bytes = encodePrompt(measured, { storage: prompt.manifest.storage });
  const stored = await decodePrompt(bytes);
  await writePromptFile(out, bytes);
  return stored;
}
