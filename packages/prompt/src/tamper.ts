import { readSafetensors, type Tensor, writeSafetensors } from "@kilotune/engine";
import { encodePrompt } from "./encode.ts";
import { MANIFEST_KEY } from "./manifest.ts";
import { kvPrompt } from "./sample-prompts.ts";

/** For tests: what to change in the file of kvPrompt(). */
export interface Tampering {
  readonly manifest?: (manifest: ReturnType<typeof kvPrompt>["manifest"]) => unknown;
  readonly metadata?: (metadata: ReadonlyMap<string, string>) => ReadonlyMap<string, string>;
  readonly tensors?: (tensors: ReadonlyMap<string, Tensor>) => ReadonlyMap<string, Tensor>;
}

/** A sound safetensors file, whose content is another than encodePrompt would write. */
export function tamper({ manifest, metadata, tensors }: Tampering): Uint8Array {
  const file = readSafetensors(encodePrompt(kvPrompt(), { storage: "float16" }));
  let entries = file.metadata;
  if (manifest !== undefined) {
    entries = new Map([[MANIFEST_KEY, JSON.stringify(manifest(JSON.parse(entries.get(MANIFEST_KEY)!)))]]);
  }
  if (metadata !== undefined) entries = metadata(entries);
  return writeSafetensors(tensors === undefined ? file.tensors : tensors(file.tensors), entries);
}
