import { argmaxRows } from "../measure/argmax.ts";
import { countRight } from "../measure/count-right.ts";
import { type Learnt, standardErrorOfShare, type Validation } from "../task.ts";
import { normalizeRows } from "./class-means.ts";
import { learntHead } from "./linear-outputs.ts";
import type { LinearSession } from "./linear-session.ts";

/** Held-out rows, of texts or of images, as one vector each. */
export interface HeldOutVectors {
  open(): Promise<{
    /** Unit vectors behind what was learnt, [rows, H] flat. */
    of(learnt: Learnt): Promise<Float32Array>;
    release(): Promise<void>;
  }>;
}

/** Share of rows whose nearest prototype, by cosine, is that of their label. */
export function classAccuracy(
  vectors: HeldOutVectors,
  linear: LinearSession,
  labels: Int32Array,
  hiddenSize: number,
): Validation {
  return measured(vectors, {
    standardError: (score) => standardErrorOfShare(score, labels.length),
    async of(found, head) {
      const weight = normalizeRows((head.prototypes as Float32Array).slice(), hiddenSize);
      const classes = weight.length / hiddenSize;
      const logits = await linear.logits(found, weight, new Float32Array(classes));
      return countRight(labels, argmaxRows(logits, classes)) / Math.max(1, labels.length);
    },
  });
}

/** Of a linear head's outputs, [rows, outputs] flat, whatever `figure` makes of them. */
export type OutputFigure = Pick<Validation, "standardError"> & { of(outputs: Float32Array): number };

export function outputValidation(
  vectors: HeldOutVectors,
  linear: LinearSession,
  temperature: number,
  figure: OutputFigure,
): Validation {
  return measured(vectors, {
    standardError: figure.standardError,
    async of(found, head) {
      const { weight, bias } = learntHead(head as Record<"weight" | "bias", Float32Array>, temperature);
      return figure.of(await linear.logits(found, weight, bias));
    },
  });
}

function measured(
  vectors: HeldOutVectors,
  {
    standardError,
    of,
  }: Pick<Validation, "standardError"> & {
    of(found: Float32Array, head: Learnt["head"]): Promise<number>;
  },
): Validation {
  return {
    standardError,
    async open() {
      const opened = await vectors.open();
      return {
        measure: async (learnt) => of(await opened.of(learnt), learnt.head),
        release: () => opened.release(),
      };
    },
  };
}
