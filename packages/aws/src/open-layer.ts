import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { availableParallelism } from "node:os";
import path from "node:path";
import { type Backbone, openBundle, openVisionBundle, type VisionBackbone } from "@kilotune/backbone";
import { isCodedError, KilotuneError } from "@kilotune/contract";

/**
 * The backbone of this function's layer, on ONNX Runtime of another layer; one of images needs sharp of a third.
 *
 * @throws KilotuneError `runtime_unusable`, `backbone_missing`, `bad_bundle`
 */
export async function openLayer(folder: string, id: string): Promise<Backbone | VisionBackbone> {
  const require = createRequire(import.meta.url);
  loaded("ONNX Runtime", "onnxruntime", () => require("onnxruntime-node"));
  const open = (await readsImages(folder)) ? openVisionBundle : openBundle;
  if (open === openVisionBundle) loaded("sharp", "sharp", () => require("sharp"));
  const backbone = await open(folder, { threads: availableParallelism() }).catch((cause: unknown) => {
    if (isCodedError(cause)) throw cause;
    throw missing(folder, "it can't be read", cause);
  });
  if (backbone === undefined) throw missing(folder, "there is none of this version's format");
  if (backbone.manifest.id !== id)
    throw missing(folder, `expected ${id}, saw ${backbone.manifest.id.slice(0, 64)}`);
  return backbone;
}

/** By what its manifest says; what is wrong with it, whoever opens it tells. */
async function readsImages(folder: string): Promise<boolean> {
  const text = await readFile(path.join(folder, "manifest.json"), "utf8").catch(() => "");
  return /"kind"\s*:\s*"vision"/.test(text);
}

/** Sessions and decoders would load it, and fail in words of a backbone or of an image. */
function loaded(what: string, layer: "onnxruntime" | "sharp", load: () => void): void {
  try {
    load();
  } catch (cause) {
    throw unusable(what, layer, cause);
  }
}

function unusable(what: string, layer: "onnxruntime" | "sharp", cause: unknown): KilotuneError {
  const { code = "", message = "" } = cause as NodeJS.ErrnoException;
  const isMissing =
    code === "MODULE_NOT_FOUND" && /'(onnxruntime-(node|common)|sharp)'/.test(message.split("\n")[0] ?? "");
  return new KilotuneError(
    "runtime_unusable",
    isMissing
      ? `expected ${layer === "sharp" ? "sharp" : "onnxruntime-node"} below /opt/nodejs/node_modules, saw none`
      : `expected ${what} for ${process.platform}-${process.arch}, saw one that this machine can't load`,
    `Attach the layer ${layer}-${process.arch}: npm run layer -- check says which is which.`,
    { kind: "machine", cause },
  );
}

function missing(folder: string, seen: string, cause?: unknown): KilotuneError {
  return new KilotuneError(
    "backbone_missing",
    `expected a backbone's bundle in ${folder}: ${seen}`,
    "Attach the backbone's layer (npm run layer -- build), and see that KILOTUNE_BACKBONE names it.",
    { kind: "machine", cause },
  );
}
