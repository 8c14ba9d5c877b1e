import { type Backbone, packTexts } from "@kilotune/backbone";
import { KilotuneError } from "@kilotune/contract";
import { type Feeds, float32, type Session, sizeOf, type Tensor } from "@kilotune/engine";
import { lengthBatches, splitByLength } from "../data/batches.ts";
import type { DropoutMasks } from "../dropout-masks.ts";
import { type ClassRows, classTargets } from "../head/class-targets.ts";
import type { LinearSession } from "../head/linear-session.ts";
import { classAccuracy } from "../head/held-out-vectors.ts";
import type { TuneSettings } from "../settings.ts";
import type { LearningTask, Learnt, Validation } from "../task.ts";

/** Texts by their token ids. */
export interface WholeTexts extends ClassRows {
  readonly ids: readonly Int32Array[];
}

/** What full fine-tuning asks of the settings. */
export type WholeSettings = Pick<TuneSettings, "temperature">;

/** Above it, what a step keeps (weights, gradients and two moments each) is more than a job should take. */
const MOST_WHOLE_WEIGHTS = 50e6;

/** @throws KilotuneError `not_tunable` */
export function assertSmallEnough(weights: number): void {
  if (weights <= MOST_WHOLE_WEIGHTS) return;
  throw new KilotuneError(
    "not_tunable",
    `expected a backbone of at most ${MOST_WHOLE_WEIGHTS / 1e6} million weights, saw ${(weights / 1e6).toFixed(1)}`,
    "Leave full fine-tuning out, or take a smaller backbone.",
    { kind: "usage" },
  );
}

/** Numbers of a backbone's weights. */
export function weightsIn(weights: ReadonlyMap<string, Tensor>): number {
  return [...weights.values()].reduce((sum, { dims }) => sum + sizeOf(dims), 0);
}

/**
 * Full fine-tuning, as a baseline: nothing of the backbone is frozen. The head's tensors are the prototypes and all weights
 * as `weight.NAME`, at the prompt's rate; of the table of words those rows that the texts have, since the others get no
 * gradient, and AdamW without decay leaves them as they are.
 *
 * @param weights of the backbone, see `Backbone.weights`
 * @throws KilotuneError `not_tunable` from 50 million weights on
 */
export function wholeClassification(
  backbone: Backbone,
  settings: WholeSettings,
  weights: ReadonlyMap<string, Tensor>,
  data: WholeTexts,
  prototypes: Float32Array,
): LearningTask {
  assertSmallEnough(weightsIn(weights));
  const { hiddenSize, heads, layers } = backbone.manifest.config;
  const words = new WordTable(weights, data.ids);
  const scale = float32([1 / settings.temperature], []);
  const lengths = Int32Array.from(data.ids, (row) => row.length);
  const own = [...weights].map(([name, tensor]) => [
    `weight.${name}`,
    name === WORDS ? words.table(tensor) : tensor,
  ]);
  return {
    site: undefined,
    head: { prototypes: float32(prototypes, [data.classes, hiddenSize]), ...Object.fromEntries(own) },
    atPromptRate: (name) => name.startsWith("weight."),
    rows: {
      lengths,
      passes: (batch) => splitByLength(batch, lengths),
      batch: async (rows) =>
        words.feeds(
          rows.map((row) => data.ids[row] as Int32Array),
          backbone,
        ),
    },
    open: ({ dropout }) => backbone.open({ kind: "whole", wanted: "loss", dropout }),
    targets: (rows, within) => ({ ...classTargets(data, rows, within), scale }),
    dropout(masks: DropoutMasks, random, { mask }) {
      const [B, S] = (mask as Tensor).dims as [number, number];
      const drawn: Record<string, Tensor> = {};
      for (let layer = 0; layer < layers; layer++) {
        drawn[`dropout.${layer}.attention`] = masks.draw([B, heads, S, S], random);
        drawn[`dropout.${layer}.mixed`] = masks.draw([B * S, hiddenSize], random);
        drawn[`dropout.${layer}.output`] = masks.draw([B * S, hiddenSize], random);
      }
      return drawn;
    },
  };
}

/** What was learnt, by the names of `wholeClassification`. */
type Whole = Readonly<Record<string, Float32Array>>;

/** Unit sentence vectors [rows, H] flat of other texts, by weights that were learnt from `learntFrom`. */
export async function embedWhole(
  session: Session,
  backbone: Backbone,
  weights: ReadonlyMap<string, Tensor>,
  learnt: Whole,
  learntFrom: readonly Int32Array[],
  ids: readonly Int32Array[],
): Promise<Float32Array> {
  const { hiddenSize } = backbone.manifest.config;
  const words = new WordTable(weights, [...learntFrom, ...ids]);
  const table = words.table(weights.get(WORDS) as Tensor);
  // Words are numbered by their first appearance, so those that were learnt stand first.
  (table.data as Float32Array).set(learnt[`weight.${WORDS}`] as Float32Array);
  const own = [...weights].map(([name, { dims }]): [string, Tensor] => [
    `weight.${name}`,
    name === WORDS ? table : float32(learnt[`weight.${name}`] as Float32Array, dims),
  ]);
  const fixed = Object.fromEntries(own);
  const vectors = new Float32Array(ids.length * hiddenSize);
  for (const batch of lengthBatches(
    ids.map((row) => row.length),
    64,
  )) {
    const rows = batch.map((row) => ids[row] as Int32Array);
    const { embedding } = await session.run({ ...words.feeds(rows, backbone), ...fixed });
    const data = embedding?.data as Float32Array;
    batch.forEach((row, at) => {
      vectors.set(data.subarray(at * hiddenSize, (at + 1) * hiddenSize), row * hiddenSize);
    });
  }
  return vectors;
}

/** Share of held-out texts that are answered rightly by the weights as learnt. */
export function wholeAccuracy(
  backbone: Backbone,
  weights: ReadonlyMap<string, Tensor>,
  linear: LinearSession,
  learntFrom: readonly Int32Array[],
  { ids, labels }: Pick<WholeTexts, "ids" | "labels">,
): Validation {
  const vectors = {
    async open() {
      const session = await backbone.open({ kind: "whole", wanted: "embedding" });
      return {
        of: ({ head }: Learnt) => embedWhole(session, backbone, weights, head, learntFrom, ids),
        release: () => session.release(),
      };
    },
  };
  return classAccuracy(vectors, linear, labels, backbone.manifest.config.hiddenSize);
}

const WORDS = "embeddings.word";

/** The rows of the table of words that some texts have, numbered by their first appearance. */
class WordTable {
  readonly #numbers = new Map<number, number>();
  readonly #hiddenSize: number;

  constructor(weights: ReadonlyMap<string, Tensor>, texts: readonly Int32Array[]) {
    this.#hiddenSize = weights.get(WORDS)?.dims[1] as number;
    for (const ids of texts)
      for (const id of ids) if (!this.#numbers.has(id)) this.#numbers.set(id, this.#numbers.size);
  }

  /** A copy of these rows. */
  table({ data }: Tensor): Tensor {
    const width = this.#hiddenSize;
    const rows = new Float32Array(this.#numbers.size * width);
    for (const [id, at] of this.#numbers)
      rows.set((data as Float32Array).subarray(id * width, (id + 1) * width), at * width);
    return float32(rows, [this.#numbers.size, width]);
  }

  feeds(rows: readonly Int32Array[], { manifest }: Backbone): Feeds {
    const length = Math.max(...rows.map((row) => row.length));
    const numbered = rows.map((row) => row.map((id) => this.#numbers.get(id) as number));
    return packTexts(numbered, length, manifest.pooling);
  }
}
