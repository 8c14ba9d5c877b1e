import { createRequire } from "node:module";
import { availableParallelism } from "node:os";
import { type Backbone, openBundle } from "@kilotune/backbone";
import { isCodedError, KilotuneError } from "@kilotune/contract";

/**
 * The backbone of this function's layer, on ONNX Runtime of the other layer.
 *
 * @throws KilotuneError `runtime_unusable`, `backbone_missing`, `bad_bundle`
 */
export async function openLayer(folder: string, id: string): Promise<Backbone> {
  loadRuntime();
  const backbone = await openBundle(folder, { threads: availableParallelism() }).catch((cause: unknown) => {
    if (isCodedError(cause)) throw cause;
    throw missing(folder, "it can't be read", cause);
  });
  if (backbone === undefined) throw missing(folder, "there is none of this version's format");
  if (backbone.manifest.id !== id)
    throw missing(folder, `expected ${id}, saw ${backbone.manifest.id.slice(0, 64)}`);
  return backbone;
}

/** Sessions would load it, and fail in words of a backbone. */
function loadRuntime(): void {
  try {
    createRequire(import.meta.url)("onnxruntime-node");
  } catch (cause) {
    throw runtimeUnusable(cause);
  }
}

function runtimeUnusable(cause: unknown): KilotuneError {
  const { code = "", message = "" } = cause as NodeJS.ErrnoException;
  const isMissing = code === "MODULE_NOT_FOUND" && /'onnxruntime-(node|common)'/.test(message);
  return new KilotuneError(
    "runtime_unusable",
    isMissing
      ? "expected onnxruntime-node below /opt/nodejs/node_modules, saw none"
      : `expected ONNX Runtime for ${process.platform}-${process.arch}, saw one that this machine can't load`,
    `Attach the layer onnxruntime-${process.arch}: npm run layer -- check says which is which.`,
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
