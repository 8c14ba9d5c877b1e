import { KilotuneError } from "@kilotune/contract";
import { assertFinite, readSafetensors, type SafetensorsFile, type Tensor } from "@kilotune/engine";
import { MAX_FILE_BYTES, MAX_HEADER_BYTES, MAX_MANIFEST_BYTES, MAX_TENSORS } from "./caps.ts";
import { MANIFEST_KEY, type PromptManifest, parseManifest } from "./manifest.ts";
import type { Prompt, StoredPrompt } from "./prompt.ts";
import { promptIdOf } from "./prompt-id.ts";
import { printable, quote } from "./quote.ts";
import { fromStored } from "./storage.ts";
import { assemble, expectedTensors } from "./tensors.ts";

/**
 * Reads a file that nobody vouches for. What comes back is sound: every tensor is there, has the shape that the
 * manifest asks for and only finite numbers, as float32 copies. Throws `prompt_too_large`, `bad_safetensors`,
 * `bad_prompt`, `unsupported_prompt_version` or `non_finite`.
 */
export async function decodePrompt(bytes: Uint8Array): Promise<StoredPrompt> {
  refuseLarge(bytes.length);
  // A copy, so that the id belongs to the numbers even if the caller's buffer changes while the hash is computed.
  const file = new Uint8Array(bytes);
  const prompt = parsePrompt(file);
  return { id: await promptIdOf(file), sizeBytes: file.length, prompt };
}

/** Throws `prompt_too_large`; for those who know the size before they read the bytes. */
export function refuseLarge(sizeBytes: number): void {
  if (sizeBytes <= MAX_FILE_BYTES) return;
  throw new KilotuneError(
    "prompt_too_large",
    `prompt file: expected at most ${MAX_FILE_BYTES} bytes, but saw ${sizeBytes}`,
    "A prompt is some tens of kilobytes: this looks like a model's weights. Give the file that `kilotune tune` wrote.",
  );
}

function parsePrompt(bytes: Uint8Array): Prompt {
  const file = readSafetensors(bytes, { headerBytes: MAX_HEADER_BYTES, tensors: MAX_TENSORS });
  const manifest = readManifest(file.metadata);
  const expected = expectedTensors(manifest);
  refuseOtherNames(manifest, [...expected.keys()], [...file.tensors.keys()]);
  const numbers = new Map<string, Float32Array>();
  for (const [name, dims] of expected) numbers.set(name, readNumbers(file, name, dims, manifest));
  return assemble(manifest, numbers);
}

function readManifest(metadata: SafetensorsFile["metadata"]): PromptManifest {
  const text = metadata.get(MANIFEST_KEY);
  if (text === undefined) {
    const seen = metadata.size === 0 ? "no metadata" : `only ${list([...metadata.keys()])}`;
    throw refuse(
      `metadata "${MANIFEST_KEY}" with a manifest`,
      seen,
      "This is a safetensors file of another kind, such as a model's weights: give the file that `kilotune tune` wrote.",
    );
  }
  const sizeBytes = new TextEncoder().encode(text).length;
  if (sizeBytes > MAX_MANIFEST_BYTES) {
    throw refuse(`a manifest of at most ${MAX_MANIFEST_BYTES} bytes`, `${sizeBytes}`, DAMAGED);
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw refuse("a manifest in JSON", printable(String(cause)), DAMAGED);
  }
  return parseManifest(value);
}

/** Names both ways: a misspelt one shows as one missing and one unexpected, and is never skipped. */
function refuseOtherNames(manifest: PromptManifest, expected: string[], seen: string[]): void {
  const missing = expected.filter((name) => !seen.includes(name));
  const unexpected = seen.filter((name) => !expected.includes(name));
  if (missing.length === 0 && unexpected.length === 0) return;
  throw refuse(
    `the tensors ${list(expected)} of method "${manifest.method}" with a ${manifest.head.kind} head`,
    `missing: ${list(missing)}; unexpected: ${list(unexpected)}`,
    DAMAGED,
  );
}

function readNumbers(
  file: SafetensorsFile,
  name: string,
  dims: readonly number[],
  { storage, labels }: PromptManifest,
): Float32Array {
  const tensor = file.tensors.get(name)!;
  const expected = `${storage} [${dims.join(", ")}]`;
  const seen = show(tensor);
  if (seen !== expected) {
    const isHead = name === "head.weight" || name === "head.bias";
    const why = isHead && tensor.dims[0] !== dims[0] ? ` for ${labels.length} labels` : "";
    throw refuse(`tensor "${name}" to be ${expected}${why}`, seen, DAMAGED);
  }
  assertFinite(tensor, name);
  return fromStored(tensor);
}

function show({ type, dims }: Tensor): string {
  return `${type} [${dims.join(", ")}]`;
}

function list(names: readonly string[]): string {
  if (names.length === 0) return "none";
  const more = names.length > MAX_LISTED ? ` and ${names.length - MAX_LISTED} more` : "";
  return names.slice(0, MAX_LISTED).map(quote).join(", ") + more;
}

const MAX_LISTED = 5;

const DAMAGED = "The file was damaged or written by other software: fetch it again, or tune again.";

function refuse(expected: string, seen: string, hint: string): KilotuneError {
  return new KilotuneError("bad_prompt", `prompt file: expected ${expected}, but saw ${seen}`, hint);
}
