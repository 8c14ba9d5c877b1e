import { readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { KilotuneError } from "@kilotune/contract";
import {
  assertFinite,
  EngineError,
  encodeOnnx,
  type Graph,
  readOnnxMetadata,
  type Tensor,
  type Value,
} from "@kilotune/engine";
import { preprocessingSha256 } from "@kilotune/image";
import { readHeaderOfFile } from "../bundle/checkpoint-files.ts";
import { GRAPH_FILE } from "../bundle/files.ts";
import { WEIGHTS_FILE, writeBundle } from "../bundle/folder.ts";
import { writeWeights } from "../bundle/write-weights.ts";
import { sha256OfFile } from "../download/checksum.ts";
import { atShape } from "../onnx/graph-index.ts";
import { type OnnxAbout, preprocessingOf, readGraph } from "../onnx/import-onnx.ts";
import type { ImageDefaults } from "../vision/preprocessing.ts";
import { exporterFacts } from "./exporter.ts";
import { foldBatchNorms } from "./fold-batch-norms.ts";
import { FROZEN_FORMAT, type FrozenManifest } from "./manifest.ts";
import { findStages } from "./stages.ts";

/**
 * Builds a bundle from an exported graph of images that is no plain transformer: a detector of the YOLO family, a residual
 * network. It stays as it is but for batch norms, which go into the convolutions, and for what lies behind ops that the
 * engine doesn't know. Its stages are found by their sizes.
 *
 * @throws KilotuneError `bad_onnx`, `unsupported_op`, `shape_mismatch`
 */
export async function importFrozen(file: string, bundle: string, about: OnnxAbout): Promise<void> {
  const { licence, imageSize, ...told } = exporterFacts(
    readOnnxMetadata(new Uint8Array(await readFile(file))),
  );
  const { graph: original, leftOut } = await readGraph(file, about.imageSize ?? imageSize);
  const [height, width] = imageSizeOf(file, original);
  const graph = foldBatchNorms(forAnyBatch(original, [height, width]));
  const preprocessing = preprocessingOf(about, [height, width], DEFAULTS);
  await writeBundle(bundle, async (folder): Promise<FrozenManifest> => {
    const { outside, sizeBytes } = await moveWeights(graph, path.join(folder, WEIGHTS_FILE));
    await writeFile(path.join(folder, GRAPH_FILE), encodeOnnx(outside));
    return {
      format: FROZEN_FORMAT,
      kind: "vision",
      id: about.id,
      family: "graph",
      stages: findStages(graph, [height, width]),
      outputs: graph.outputs.map(({ name }) => name),
      leftOut,
      preprocessing,
      licence: about.licence === "unknown" ? (licence ?? about.licence) : about.licence,
      ...(Object.keys(told).length > 0 && { exporter: told }),
      identity: {
        weightsSha256: about.weightsSha256 ?? (await sha256OfFile(file)),
        preprocessingSha256: await preprocessingSha256(preprocessing),
      },
      weightsBytes: sizeBytes,
    };
  });
}

/** Exporters fix the number of images at one unless they are told otherwise; where the graph allows it, it is set free. */
function forAnyBatch(graph: Graph, [height, width]: readonly [number, number]): Graph {
  if (typeof graph.inputs[0]?.shape[0] !== "number") return graph;
  try {
    return atShape(graph, ["B", 3, height, width]);
  } catch (error) {
    if (error instanceof EngineError) return graph;
    throw error;
  }
}

/** As detectors of the YOLO family are trained: all of the image, grey bars, colours from 0 to 1. */
const DEFAULTS: ImageDefaults = {
  mean: [0, 0, 0],
  std: [1, 1, 1],
  fit: { kind: "letterbox" },
  kernel: "linear",
  background: [114, 114, 114],
};

function imageSizeOf(file: string, { inputs }: Graph): readonly [number, number] {
  const [image, ...others] = inputs;
  const [, channels, height, width] = image?.shape ?? [];
  if (others.length === 0 && channels === 3 && typeof height === "number" && typeof width === "number")
    return [height, width];
  const seen = inputs.map(({ name, shape }) => `${name} [${shape.join(", ")}]`).join("; ");
  throw new KilotuneError(
    "bad_onnx",
    `${path.basename(file)}: expected one input [batch, 3, height, width] with an image size in numbers, saw ${seen.slice(0, 200)}`,
    "Export the model with a fixed image size, pixels in and features out.",
  );
}

/** Weights go into a file beside the graph; what rules need to see (shapes, axes, small tables) stays inside. */
async function moveWeights(graph: Graph, file: string): Promise<{ outside: Graph; sizeBytes: number }> {
  const tensors = new Map<string, Tensor>();
  for (const { value, source } of graph.initializers) {
    if (!("data" in source) || source.type !== "float32" || source.data.length <= MAX_INSIDE) continue;
    assertFinite(source, value.name);
    tensors.set(value.name, source);
  }
  const plan = [...tensors].map(([ours, { dims }]) => ({ ours, dims, from: [ours] }));
  const { sizeBytes } = await writeWeights(file, plan, (name) => tensors.get(name)?.data as Float32Array);
  const header = await readHeaderOfFile(file);
  const initializers = graph.initializers.map(({ value, source }) => {
    const entry = header.entries.get(value.name);
    if (entry === undefined) return { value, source };
    return {
      value: value as Value,
      source: { location: WEIGHTS_FILE, offset: entry.offset, length: entry.length },
    };
  });
  return { outside: { ...graph, initializers }, sizeBytes };
}

const MAX_INSIDE = 64;
