import type { Backbone, TextHead } from "@kilotune/backbone";
import { crossEntropy, type Feeds, float32, type Value } from "@kilotune/engine";
import type { HiddenStore } from "../data/hidden-store.ts";
import { embed } from "../embed.ts";
import { rankingFigures } from "../measure/ranking.ts";
import { promptFeed, promptSite } from "../prompt-site.ts";
import type { TuneSettings } from "../settings.ts";
import { type LearningTask, type RowStore, standardErrorOfShare, type Validation } from "../task.ts";

/** Rows of one text or more, each of a group: texts of one group should be found by one another. */
export interface GroupedTexts {
  readonly store: HiddenStore;
  /** Of each row the numbers of its texts in the store: a query and what answers it, or one text alone. */
  readonly texts: readonly (readonly number[])[];
  /** Of each text of the store. */
  readonly groups: Int32Array;
}

/**
 * Vectors that are near where texts belong together: a cross-entropy over the cosines to all other texts of the batch, whose
 * targets are those of its group (in-batch negatives; with several of a group the loss of Khosla et al., arXiv:2004.11362).
 * Nothing but the prompt is learnt.
 */
export function textRetrieval(
  backbone: Backbone,
  settings: TuneSettings,
  data: GroupedTexts,
): LearningTask<never> {
  const site = promptSite(settings, backbone.manifest);
  return {
    site,
    head: {},
    rows: new GroupedStore(data),
    open: ({ dropout }) => backbone.openTuned(site.site, CONTRAST, { dropout }),
    targets: (rows) => ({
      ...contrastTargets(data, rows),
      scale: float32([1 / settings.temperature], []),
    }),
  };
}

const CONTRAST: TextHead = {
  wanted: { embedding: true },
  add(b, { embedding }) {
    const vectors = embedding as Value;
    const cosines = b.op("MatMul", [vectors, b.op("Transpose", [vectors], { perm: [1, 0] })]);
    const scaled = b.op("Mul", [cosines, b.input("scale", "float32", [])]);
    // A text isn't to find itself: hugely negative there, 0 elsewhere.
    const logits = b.op("Add", [scaled, b.input("others", "float32", ["B", "B"])]);
    const targets = b.input("targets", "float32", ["B", "B"]);
    b.output(crossEntropy(b, logits, targets, b.input("weights", "float32", ["B"])), "loss");
    return [];
  },
};

/** A batch stays in one pass: its texts are one another's negatives. */
class GroupedStore implements RowStore {
  readonly lengths: Int32Array;
  readonly #data: GroupedTexts;

  constructor(data: GroupedTexts) {
    this.#data = data;
    this.lengths = Int32Array.from(data.texts, (texts) =>
      Math.max(...texts.map((text) => data.store.lengths[text] as number)),
    );
  }

  passes(batch: readonly number[]): readonly (readonly number[])[] {
    return [batch];
  }

  batch(rows: readonly number[]): Promise<Feeds> {
    return this.#data.store.batch(textsOf(this.#data, rows));
  }
}

function textsOf({ texts }: GroupedTexts, rows: readonly number[]): number[] {
  return rows.flatMap((row) => texts[row] as readonly number[]);
}

/** Texts of which the batch holds no other of their group learn nothing. */
function contrastTargets(data: GroupedTexts, rows: readonly number[]): Feeds {
  const texts = textsOf(data, rows);
  const B = texts.length;
  const targets = new Float32Array(B * B);
  const others = new Float32Array(B * B);
  const weights = new Float32Array(B);
  const group = texts.map((text) => data.groups[text] as number);
  let learning = 0;
  for (let at = 0; at < B; at++) {
    others[at * B + at] = -1e9;
    const near = group.flatMap((own, other) => (own === group[at] && other !== at ? [other] : []));
    if (near.length === 0) continue;
    for (const other of near) targets[at * B + other] = 1 / near.length;
    weights[at] = 1;
    learning++;
  }
  return {
    targets: float32(targets, [B, B]),
    others: float32(others, [B, B]),
    weights: float32(
      weights.map((weight) => weight / Math.max(1, learning)),
      [B],
    ),
  };
}

/** Mean average precision at 10 of held-out texts among texts to be found. */
export function retrievalPrecision(
  backbone: Backbone,
  settings: TuneSettings,
  queries: Pick<GroupedTexts, "store" | "groups">,
  found: Pick<GroupedTexts, "store" | "groups">,
): Validation {
  const site = promptSite(settings, backbone.manifest);
  const { hiddenSize } = backbone.manifest.config;
  return {
    standardError: (score) => standardErrorOfShare(score, queries.groups.length),
    async open() {
      const upper = await backbone.open({ kind: "upper", site: site.site });
      return {
        async measure({ prompt }) {
          const feed = promptFeed(site, prompt);
          const vectors = {
            queries: await embed(upper, queries.store, hiddenSize, feed),
            found: await embed(upper, found.store, hiddenSize, feed),
          };
          const groups = { queries: queries.groups, found: found.groups };
          return rankingFigures(vectors, groups, hiddenSize, 10).meanAveragePrecision;
        },
        release: () => upper.release(),
      };
    },
  };
}
