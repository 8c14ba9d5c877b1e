import { open, readdir, readFile, stat } from "node:fs/promises";
import path from "node:path";
import { KilotuneError } from "@kilotune/contract";
import { openNpy } from "./npy-file.ts";
import { list, printable, refuse } from "./refuse.ts";
import { openSafetensors } from "./safetensors-file.ts";
import type { TensorFile } from "./tensor-file.ts";
import { openTorchFile } from "./torch-file.ts";

/** What was found at the path, before a tensor is read. */
export type Found =
  | { readonly kind: "peft"; readonly folder: string; readonly config: string; readonly tensors: string }
  | { readonly kind: "checkpoint"; readonly folder?: string; readonly tensors: string }
  | { readonly kind: "tgis"; readonly folder?: string; readonly tensors: string };

/** @throws KilotuneError `file_not_found`, `bad_foreign_prompt`, `unsupported_prompt_kind` */
export async function recognise(source: string): Promise<Found> {
  const status = await statusOf(source);
  if (status.isFile())
    return path.basename(source) === DECODER
      ? { kind: "tgis", tensors: source }
      : { kind: "checkpoint", tensors: source };
  if (!status.isDirectory()) throw notAFile(source);
  const names = new Set(await readdir(source));
  const inside = (name: string) => path.join(source, name);
  if (names.has(PEFT_CONFIG)) {
    const tensors = ["adapter_model.safetensors", "adapter_model.bin"].find((name) => names.has(name));
    if (tensors !== undefined)
      return { kind: "peft", folder: source, config: inside(PEFT_CONFIG), tensors: inside(tensors) };
  }
  if (names.has(ENCODER)) {
    throw refuse(
      "unsupported_prompt_kind",
      `${DECODER} alone`,
      ENCODER,
      "It belongs to a model that has an encoder and a decoder, which isn't supported.",
    );
  }
  if (names.has(DECODER)) return { kind: "tgis", folder: source, tensors: inside(DECODER) };
  const weights = ["model.safetensors", "pytorch_model.bin"].find((name) => names.has(name));
  if (weights !== undefined) return { kind: "checkpoint", folder: source, tensors: inside(weights) };
  throw refuse(
    "bad_foreign_prompt",
    `${PEFT_CONFIG} with adapter_model.safetensors or .bin, ${DECODER}, or a checkpoint's model.safetensors or pytorch_model.bin`,
    list([...names]),
    "PEFT saves an adapter that isn't the default one in a folder of its name: give that folder.",
  );
}

const PEFT_CONFIG = "adapter_config.json";
const DECODER = "decoder.pt";
const ENCODER = "encoder.pt";

/** By its first bytes, whatever the name says. Throws as the readers of the formats do. */
export async function openTensors(file: string): Promise<TensorFile> {
  await assertFile(file);
  await using handle = await open(file, "r");
  const start = new Uint8Array(8);
  await handle.read(start, 0, 8, 0);
  const text = Buffer.from(start).toString("latin1");
  if (text.startsWith("PK\u0003\u0004")) return openTorchFile(file);
  if (text.startsWith("\u0093NUMPY")) return openNpy(file);
  const [first, protocol = 0] = start;
  if (first === 0x80 && protocol >= 2 && protocol <= 5) {
    throw refuse(
      "bad_torch_file",
      "safetensors, NumPy's format, or the zip that torch.save writes since 1.6",
      "a bare pickle, as torch before 1.6 wrote it",
      "Load it with torch in a sandbox that you trust, and save the tensors as safetensors.",
    );
  }
  return openSafetensors(file);
}

/** A config has some kilobytes; id2label of a million classes twenty megabytes. */
const MAX_JSON_BYTES = 2 ** 24;

export async function readText(file: string): Promise<string> {
  const size = await assertFile(file);
  if (size > MAX_JSON_BYTES)
    throw refuse(
      "bad_foreign_prompt",
      `${file} of at most ${MAX_JSON_BYTES} bytes`,
      `${size}`,
      "It isn't a config.",
    );
  return readFile(file, "utf8");
}

/** Before it is opened: a pipe would block, a device such as /dev/zero never ends. Gives its size in bytes. */
async function assertFile(file: string): Promise<number> {
  const status = await statusOf(file);
  if (!status.isFile()) throw notAFile(file);
  return status.size;
}

function statusOf(file: string) {
  return stat(file).catch((cause: Error) => {
    throw new KilotuneError(
      "file_not_found",
      `${printable(file, 500)}: ${printable(cause.message)}`,
      "Check the path.",
      { cause },
    );
  });
}

function notAFile(file: string) {
  return new KilotuneError(
    "not_a_file",
    `${printable(file, 500)}: expected a file, but saw a folder, a device or a pipe`,
    "Give the path of what the other system saved.",
  );
}
