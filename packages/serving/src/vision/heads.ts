import type { VisionBackbone } from "@kilotune/backbone";
import { type Feeds, float32, type Graph, GraphBuilder, type Session } from "@kilotune/engine";
import { detailOf, detectionOutput, type PatchGrid, segmentationLogits } from "@kilotune/heads";
import { finite, logitsOf } from "../heads.ts";
import { PromptCache } from "../prompt-cache.ts";
import type { PreparedImagePrompt, ReadyTask } from "./prepare-prompt.ts";

/** What the backbone made of one image. N patches, H hidden size. */
export interface ImageFeatures {
  /** [H] */
  readonly cls?: Float32Array;
  /** [N, H] */
  readonly patches?: Float32Array;
  /** [N, H] behind so many layers */
  readonly taps: ReadonlyMap<number, Float32Array>;
}

/** Names of the serving graph's outputs that a task reads. */
export function outputsOf(task: ReadyTask): readonly string[] {
  if ("feature" in task) return [task.feature === "cls" ? "cls" : "patches"];
  return ["patches", ...task.taps.map((tap) => `tap-${tap}`)];
}

/**
 * Heads of one image at a time, so that no neighbour in a batch can change a bit. Those on patches are graphs, one session for
 * all prompts of a spec: their weights are inputs. The least recently used sessions go.
 */
export class ImageHeads {
  readonly #sessions: PromptCache<HeadSession>;
  readonly #backbone: VisionBackbone;

  constructor(backbone: VisionBackbone) {
    this.#backbone = backbone;
    this.#sessions = new PromptCache(
      (key) => this.#open(JSON.parse(key)),
      MOST_SESSIONS,
      ({ session }) => session.release(),
    );
  }

  /**
   * @param tensor the image [3, height, width]
   * @returns classification: logits [C]; segmentation: logits [cells, C]; detection: numbers [cells, C + 4]
   * @throws KilotuneError `non_finite`
   */
  async run(
    { task, id }: PreparedImagePrompt,
    features: ImageFeatures,
    tensor: Float32Array,
  ): Promise<Float32Array | Float64Array> {
    if ("head" in task) {
      const vector = vectorOf(task.feature, features, this.#backbone.manifest.config.hiddenSize);
      return finite(logitsOf(task.head, vector), id);
    }
    const { spec, taps, learnt } = task;
    const { width, height, hiddenSize } = spec;
    const tokens = [...taps.map((tap) => features.taps.get(tap)!), features.patches!];
    const feeds: Record<string, Feeds[string]> = { ...learnt };
    tokens.forEach((data, at) => {
      feeds[`tokens.${at}`] = float32(data, [1, width * height, hiddenSize]);
    });
    if (task.kind === "segmentation") {
      const { config } = this.#backbone.manifest;
      const [down, across] = [height * spec.cellsPerPatch, width * spec.cellsPerPatch];
      const detail = detailOf(tensor, config.width, config.height, spec);
      feeds.detail = float32(detail, [1, down, across, detail.length / (down * across)]);
    }
    const { value, release } = await this.#sessions.acquire(JSON.stringify([task.kind, spec]));
    try {
      const { output } = await value.session.run(feeds);
      return finite(output!.data as Float32Array, id);
    } finally {
      release();
    }
  }

  /** Opens what this head needs, so that the first image doesn't wait for it. */
  async prepare({ task }: PreparedImagePrompt): Promise<void> {
    if ("head" in task) return;
    const { release } = await this.#sessions.acquire(JSON.stringify([task.kind, task.spec]));
    release();
  }

  release(): void {
    this.#sessions.forget(() => true);
  }

  async #open([kind, spec]: [ReadyTask["kind"], never]): Promise<HeadSession> {
    const session = await this.#backbone.openGraph(headGraph(kind, spec));
    return { session, sizeBytes: 1 };
  }
}

interface HeadSession {
  readonly session: Session;
  readonly sizeBytes: number;
}

/** A head's graph has no weights of its own, but threads. */
const MOST_SESSIONS = 16;

function headGraph(kind: ReadyTask["kind"], spec: never): Graph {
  const { width, height, hiddenSize, layers } = spec as PatchGrid;
  const b = new GraphBuilder(kind);
  const tokens = Array.from({ length: layers }, (_, at) =>
    b.input(`tokens.${at}`, "float32", ["B", width * height, hiddenSize]),
  );
  const output =
    kind === "segmentation" ? segmentationLogits(b, tokens, spec) : detectionOutput(b, tokens, spec);
  b.output(output, "output");
  return b.build();
}

/** [H] at length one, in plain loops over one row. */
function vectorOf(
  feature: "cls" | "mean",
  { cls, patches }: ImageFeatures,
  hiddenSize: number,
): Float32Array {
  const vector = feature === "cls" ? Float64Array.from(cls!) : meanOf(patches!, hiddenSize);
  // The graph that tuned adds the same: a vector of zeros stays one.
  const length = Math.sqrt(vector.reduce((sum, x) => sum + x * x, 1e-24));
  return Float32Array.from(vector, (x) => x / length);
}

/** [N, H] -> [H] */
function meanOf(patches: Float32Array, hiddenSize: number): Float64Array {
  const mean = new Float64Array(hiddenSize);
  for (let at = 0; at < patches.length; at++) {
    const h = at % hiddenSize;
    mean[h] = mean[h]! + patches[at]!;
  }
  const count = patches.length / hiddenSize;
  return mean.map((sum) => sum / count);
}
