import { KilotuneError } from "@kilotune/contract";
import { writeSafetensors } from "@kilotune/engine";
import { canonicalJson } from "./canonical-json.ts";
import { MAX_FILE_BYTES, MAX_MANIFEST_BYTES } from "./caps.ts";
import { MANIFEST_KEY, parseManifest } from "./manifest.ts";
import type { Prompt } from "./prompt.ts";
import { type Storage, toStored } from "./storage.ts";

/**
 * The file of a prompt, `manifest.storage` set to `storage`. Equal prompts give equal bytes. Throws `bad_prompt`,
 * `prompt_too_large`, `non_finite` or `non_finite_after_cast`: nothing is written that decodePrompt would refuse.
 */
export function encodePrompt(prompt: Prompt, { storage }: { readonly storage: Storage }): Uint8Array {
  const manifest = parseManifest({ ...prompt.manifest, storage });
  const json = canonicalJson(manifest);
  refuseLarge("manifest", new TextEncoder().encode(json).length, MAX_MANIFEST_BYTES);
  const file = writeSafetensors(toStored(prompt, storage), new Map([[MANIFEST_KEY, json]]));
  refuseLarge("file", file.length, MAX_FILE_BYTES);
  return file;
}

function refuseLarge(what: string, sizeBytes: number, maxBytes: number): void {
  if (sizeBytes <= maxBytes) return;
  throw new KilotuneError(
    "prompt_too_large",
    `prompt ${what}: expected at most ${maxBytes} bytes, but saw ${sizeBytes}`,
    "Use fewer or shorter labels, or fewer prompt tokens.",
  );
}
