import type { Flags } from "./args/flags.ts";

/** Flags of commands that tune, as their help pages have them. */

export const TEST_FLAG = {
  test: { kind: "text", value: "FILE", about: "Rows for the figures, never chosen by" },
} as const satisfies Flags;

export const IMAGE_FOLDER_FLAG = {
  "image-folder": {
    kind: "text",
    value: "DIR",
    about: "Where paths of images start, as COCO keeps them; the rows' own folder else",
  },
} as const satisfies Flags;

export const SHOTS_FLAG = {
  shots: {
    kind: "integer",
    value: "N",
    min: 1,
    max: 1_000_000,
    about: "Draw N rows a class with the seed; all rows else",
  },
} as const satisfies Flags;

export const EPOCHS_FLAG = {
  epochs: {
    kind: "integer",
    value: "N",
    min: 1,
    max: 1000,
    or: "auto",
    about: "Most epochs",
    default: "auto",
  },
} as const satisfies Flags;

export const FOLDS_FLAG = {
  folds: {
    kind: "integer",
    value: "K",
    min: 2,
    max: 100,
    about: "Cross-validation in K folds: rows nearly the same, or of one patient, stay together",
  },
} as const satisfies Flags;

export const OUTSIDE_FLAGS = {
  "oos-label": {
    kind: "text",
    value: "NAME",
    about: "Rows of this label are of none: the prompt learns to say so of others like them",
  },
  oos: { kind: "switch", about: "The prompt says what is none of its labels', by held-out rows alone" },
} as const satisfies Flags;

/** As jobs have it; undefined where the prompt is to give a label to anything. */
export function outsideAsked({
  oos,
  oosLabel: label,
}: {
  readonly oos: boolean;
  readonly oosLabel: string | undefined;
}): { label?: string } | undefined {
  return label !== undefined ? { label } : oos ? {} : undefined;
}

export const OUTPUT_FLAGS = {
  seed: {
    kind: "integer",
    value: "N",
    min: 0,
    max: 4_294_967_295,
    about: "Of every random choice",
    default: 0,
  },
  out: { kind: "text", value: "FILE", about: "The prompt", default: "./prompt.safetensors" },
  report: { kind: "text", value: "FILE", about: "Write an HTML report too" },
} as const satisfies Flags;
