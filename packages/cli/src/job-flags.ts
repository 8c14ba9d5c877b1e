import type { Flags } from "./args/flags.ts";

/** Flags of every command that tunes on this machine, as its help page has them. */
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

export const FOLDS_FLAG = {
  folds: {
    kind: "integer",
    value: "K",
    min: 2,
    max: 100,
    about: "Cross-validation in K folds: rows nearly the same, or of one patient, stay together",
  },
} as const satisfies Flags;

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
