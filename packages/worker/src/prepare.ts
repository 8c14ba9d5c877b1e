import type { Backbone } from "@kilotune/backbone";
import type { Session } from "@kilotune/engine";
import { embed, HiddenStore } from "@kilotune/tuner";
import type { LabelledTexts } from "./read-data.ts";

/** A file's rows as the tuner takes them. */
export interface PreparedRows {
  readonly name: string;
  readonly texts: readonly string[];
  readonly labels: Int32Array;
  readonly store: HiddenStore;
  /** Unit vectors of the plain backbone, [rows, H] flat: what the baselines see. */
  readonly vectors: Float32Array;
  readonly truncatedRows: number;
}

/** The sessions that turn texts into hidden states and plain vectors. */
export interface FrozenSessions {
  readonly lower: Session;
  readonly plain: Session;
  release(): Promise<void>;
}

export async function openFrozenSessions(backbone: Backbone, firstLayer: number): Promise<FrozenSessions> {
  const lower = await backbone.open({ kind: "lower", firstLayer });
  const plain = await backbone.open({ kind: "upper", site: { kind: "none", firstLayer } });
  return {
    lower,
    plain,
    async release() {
      await lower.release();
      await plain.release();
    },
  };
}

/** Second state of a job: rows -> token ids -> hidden states below the prompt -> plain vectors. */
export async function prepareRows(
  backbone: Backbone,
  { lower, plain }: FrozenSessions,
  { name, texts, labels }: LabelledTexts,
  onProgress?: (share: number) => void,
): Promise<PreparedRows> {
  const encoded = texts.map((text) => backbone.tokenizer.encode(text));
  const ids = encoded.map((row) => row.ids);
  const store = await HiddenStore.compute(backbone, lower, ids, {
    onProgress: (done) => onProgress?.(done / texts.length),
  });
  const vectors = await embed(plain, store, backbone.manifest.config.hiddenSize);
  return {
    name,
    texts,
    labels,
    store,
    vectors,
    truncatedRows: encoded.filter((row) => row.truncated).length,
  };
}
