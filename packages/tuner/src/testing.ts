import type { Backbone } from "@kilotune/backbone";
import { prng } from "@kilotune/dataset";
import type { Session } from "@kilotune/engine";
import { HiddenStore } from "./data/hidden-store.ts";
import { embed } from "./embed.ts";
import { classMeans } from "./head/class-means.ts";
import type { TuneSettings } from "./settings.ts";
import type { ClassifiedTexts } from "./text/classification.ts";

/** What the tests of this package share: toy texts that a tiny random backbone can tell apart, and a short run's settings. */

/** Words that say which class a text is of, three a class, and words that say nothing. */
const TOPICS = ["card stolen bank", "refund money paid", "parcel late courier", "password login account"].map(
  (words) => words.split(" "),
);
const FILLERS = "my the is please help now about i".split(" ");
export const WORDS = [...TOPICS.flat(), ...FILLERS];

export const SETTINGS: TuneSettings = {
  method: "kv",
  tokens: 3,
  firstLayer: 1,
  epochs: 3,
  batchSize: 8,
  promptLearningRate: 3e-2,
  headLearningRate: 3e-3,
  temperature: 0.08,
  dropout: 0.1,
  warmup: 0.1,
  clipNorm: 1,
  initScale: 0.02,
  seed: 1,
};

/** `perClass` texts of each class in turn: two words of the class among 1 to 5 that say nothing. */
export function toyTexts(perClass: number, classes = 3, stream = "train"): { text: string; label: number }[] {
  const random = prng(1, `toy ${stream}`);
  const pick = (words: readonly string[]) => words[random.integer(words.length)] as string;
  return Array.from({ length: perClass * classes }, (_, row) => {
    const label = row % classes;
    const topics = [pick(TOPICS[label]!), pick(TOPICS[label]!)];
    const words = [...topics, ...Array.from({ length: 1 + random.integer(5) }, () => pick(FILLERS))];
    return { text: random.shuffle(words).join(" "), label };
  });
}

/** Toy texts behind the frozen layers, and the class means that prototypes start from. `lower` begins at `firstLayer`. */
export async function toyData(
  backbone: Backbone,
  lower: Session,
  plain: Session,
  rows: readonly { text: string; label: number }[],
  classes = 3,
): Promise<{ data: ClassifiedTexts; prototypes: Float32Array; vectors: Float32Array }> {
  const ids = rows.map(({ text }) => backbone.tokenizer.encode(text).ids);
  const store = await HiddenStore.compute(backbone, lower, ids);
  const labels = Int32Array.from(rows, ({ label }) => label);
  const { hiddenSize } = backbone.manifest.config;
  const vectors = await embed(plain, store, hiddenSize);
  return {
    data: { store, labels, classes },
    prototypes: classMeans(vectors, labels, classes, hiddenSize),
    vectors,
  };
}
