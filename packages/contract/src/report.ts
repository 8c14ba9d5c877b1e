import type { MethodName } from "./methods.ts";

/**
 * Everything that a tuning job found out, as data: the worker fills it, the HTML report draws it, the command line and
 * the API print parts of it. Accuracies are 0..1, times are seconds unless a name says otherwise.
 */
export type TuneReport = ReportFrame & ReportFindings;

export type ClassificationReport = ReportFrame & ClassificationFindings;

/** What every task's report has. */
export interface ReportFrame {
  readonly title: string;
  /** ISO 8601. */
  readonly createdAt: string;
  readonly backbone: {
    readonly id: string;
    readonly weightsSha256: string;
    readonly licence: string;
    readonly layers: number;
    readonly hiddenSize: number;
  };
  readonly data: {
    readonly trainRows: number;
    /** Held-out rows that chose epochs and verdict; `source` says where they came from ("5-fold cross-validation", "validation.jsonl"). */
    readonly heldOut: { readonly rows: number; readonly source: string };
    readonly testRows: number;
    readonly labels: readonly { readonly name: string; readonly rows: number }[];
    readonly truncatedRows: number;
  };
  readonly settings: Readonly<Record<string, string | number>>;
  readonly curve: readonly CurvePoint[];
  /** The candidates that the settings were chosen from, the best first; of a sweep alone. */
  readonly sweep?: readonly SweptCandidate[];
  /** Other ways on the same rows and backbone; of a comparison alone. */
  readonly comparison?: readonly ComparedMethod[];
  /** Of jobs that were asked for it. */
  readonly crossValidation?: CrossValidation;
  /** Baselines and tuned candidates, in the order in which they are shown. */
  readonly candidates: readonly Candidate[];
  readonly verdict: Verdict;
  /** Further test files, e.g. other languages: what the backbone makes of them. */
  readonly otherTests: readonly {
    readonly name: string;
    readonly rows: number;
    readonly published: Score;
    /** Of tasks that have one. */
    readonly linearProbe?: Score;
  }[];
  readonly prompt: {
    readonly path: string;
    readonly id: string;
    readonly sizeBytes: number;
    readonly method: MethodName;
    readonly tokens: number;
    readonly trainableParameters: number;
  };
  /** Of images, where the published prompt has tokens, or its head reads the class token. */
  readonly attention?: AttentionMaps;
  readonly timings: readonly { readonly name: string; readonly seconds: number }[];
  readonly notes: readonly string[];
}

/**
 * On the test file (or on the held-out rows where there is none), by the published prompt as written. No task: one label a
 * row.
 */
export type ReportFindings =
  | ClassificationFindings
  | { readonly task: "segmentation"; readonly evaluation: SegmentationEvaluation }
  | { readonly task: "detection"; readonly evaluation: DetectionEvaluation }
  | {
      readonly task: "multi_label" | "regression" | "tagging" | "retrieval";
      readonly evaluation: FiguresEvaluation;
    };

export interface ClassificationFindings {
  readonly task?: "classification";
  readonly evaluation: Evaluation;
  readonly calibration: Calibration;
  /** Where the prompt says what is none of its labels'. */
  readonly scope?: ScopeEvaluation;
}

/** How well inputs that are none of the labels' are told from others. */
export interface ScopeEvaluation {
  readonly score: "probability" | "energy";
  /** Below it an input is none of the labels'. */
  readonly threshold: number;
  readonly rows: { readonly inScope: number; readonly outside: number };
  /** Chance that a row of a label scores higher than one of none; null where none is known. */
  readonly auroc: number | null;
  /** Share of the rows of a label that aren't turned away. */
  readonly kept: number | null;
  /** Share of the rows of no label that are. */
  readonly found: number | null;
}

export function isClassification(report: TuneReport): report is ClassificationReport {
  return report.task === undefined || report.task === "classification";
}

export interface SweptCandidate {
  readonly settings: Readonly<Record<string, number>>;
  /** Of its run, how much it got before it was dropped; 1 for those that had all of it. */
  readonly share: number;
  /** On held-out rows, higher is better; -Infinity of one that diverged. */
  readonly score: number;
}

/** One way to answer the same rows on the same backbone, and what it costs. */
export interface ComparedMethod {
  readonly name: string;
  /** For people. */
  readonly title: string;
  /** null where it has none: every class has one row, or it diverged. */
  readonly heldOut: Score | null;
  /** Of a comparison in folds; null where a fold diverged. */
  readonly crossValidated?: FoldsScore | null;
  /** null where there is no test file, or it diverged. */
  readonly test: Score | null;
  /** As `tune` spells what its prompt starts as, and is learnt through; of those that were asked to alone. */
  readonly init?: string;
  readonly reparam?: string;
  readonly trainableParameters: number;
  /** What a tenant stores for it. */
  readonly sizeBytes: number;
  /** From the training file to what answers: frozen layers, held-out runs, last run; of prompts the baselines that each is judged by, too. */
  readonly seconds: number;
  /** From what is stored to the first answer, less an answer with what is in memory; null where there is nothing to load. */
  readonly switchSeconds: number | null;
}

/** All rows of the folds together, each answered by what hadn't seen it. `macroF1` is the mean of the folds'. */
export interface FoldsScore extends ClassificationScore {
  readonly folds: number;
  /** Standard deviation of the folds' accuracies. */
  readonly deviation: number;
}

/** What tells which method is the best: folds, which choose nothing else, before the held-out rows that choose epochs. */
export function judgedBy({ crossValidated, heldOut }: ComparedMethod): Score | null {
  return crossValidated === undefined ? heldOut : crossValidated;
}

/** The best by that, of equals the first; undefined where no row was held out. */
export function bestCompared(methods: readonly ComparedMethod[]): ComparedMethod | undefined {
  const value = (method: ComparedMethod) => mainFigure(judgedBy(method) as Score).value;
  return methods.filter((method) => judgedBy(method) !== null).toSorted((a, b) => value(b) - value(a))[0];
}

/** What the whole job makes of rows that it hasn't seen: done on all folds but one, measured on that one, each in turn. */
export interface CrossValidation {
  readonly folds: readonly {
    readonly rows: number;
    /** Name of the candidate that a job on the other folds publishes; null where it fails. */
    readonly published: string | null;
  }[];
  /** Rows that were always learnt from: a class would have none else. */
  readonly alwaysLearnt: number;
  /** Rows that are nearly the same as others, or of one patient: no fold parts them. */
  readonly grouped: number;
  /** Baselines, what was asked for, and as `published` what each fold publishes. */
  readonly candidates: readonly CrossValidated[];
}

export interface CrossValidated {
  readonly name: string;
  readonly title: string;
  /** A fold each; null where it diverged. */
  readonly scores: readonly (Score | null)[];
  /** Of the folds' figures that the task is judged by; NaN of none. */
  readonly mean: number;
  /** Standard deviation of those figures; NaN of fewer than two. */
  readonly deviation: number;
}

export interface CurvePoint {
  readonly epoch: number;
  /** Mean loss over the epoch's training rows. */
  readonly loss: number;
  /** What the task is judged by, on held-out rows; null where the run has none (the last run on all rows). */
  readonly validationAccuracy: number | null;
  readonly learningRate: number;
}

export interface Candidate {
  /** Of a method, or of one of the task's baselines, e.g. "linearProbe". */
  readonly name: string;
  /** Words for people, e.g. "linear probe". */
  readonly title: string;
  readonly heldOut: Score | null;
  readonly test: Score | null;
  /** What a tenant would store for it. */
  readonly sizeBytes: number;
  readonly published: boolean;
}

/** How a candidate did on some rows. */
export type Score = ClassificationScore | FiguresScore;

/** Of one label a row. */
export interface ClassificationScore {
  readonly rows: number;
  readonly accuracy: number;
  readonly macroF1: number;
  /** 95 % Wilson interval of the accuracy. */
  readonly interval: Interval;
}

/** Of any other task. */
export interface FiguresScore {
  readonly rows: number;
  /** The one of the figures that the task is judged by: higher is better, 1 is perfect. */
  readonly main: string;
  /** By name, such as "meanIou". */
  readonly figures: Readonly<Record<string, number>>;
  /** 95 % interval of the main one. */
  readonly interval?: Interval;
}

export type Interval = readonly [low: number, high: number];

export interface Figure {
  readonly name: string;
  readonly value: number;
}

/** What a score is compared by. */
export function mainFigure(score: Score): Figure & { readonly interval: Interval } {
  if ("accuracy" in score) return { name: "accuracy", value: score.accuracy, interval: score.interval };
  const value = score.figures[score.main] ?? Number.NaN;
  return { name: score.main, value, interval: score.interval ?? [value, value] };
}

/** The other figure that tables show beside it, where there is one. */
export function secondFigure(score: Score): Figure | undefined {
  if ("accuracy" in score) return { name: "macroF1", value: score.macroF1 };
  const other = Object.entries(score.figures).find(([name]) => name !== score.main);
  return other && { name: other[0], value: other[1] };
}

export interface Verdict {
  readonly best: Candidate["name"];
  /** Held-out figure of the tuned prompt less that of the best baseline; negative where the prompt does not pay. */
  readonly margin: number;
  /** Whether a paired test (McNemar's, of one label a row) says that the difference is more than noise, at 5 %. */
  readonly significant: boolean;
  /** p-value of that test. */
  readonly pValue: number;
  /** One or two sentences for people. */
  readonly words: string;
}

export interface Evaluation {
  readonly rows: number;
  readonly accuracy: number;
  readonly macroF1: number;
  readonly labels: readonly string[];
  /** confusion[i][j]: rows of class i that were called class j. */
  readonly confusion: readonly (readonly number[])[];
  readonly perClass: readonly {
    readonly label: string;
    readonly precision: number;
    readonly recall: number;
    readonly f1: number;
    readonly support: number;
  }[];
  /** Wrong answers, the surest first. */
  readonly mistakes: readonly {
    readonly text: string;
    readonly label: string;
    readonly predicted: string;
    readonly score: number;
    /** Of a row that is an image; `text` is its name then. */
    readonly picture?: Picture;
  }[];
  /** Each class against all others, where that is asked: of images. */
  readonly screening?: readonly Screening[];
  /** The same of each class's score, from the surest row on: of images. */
  readonly curves?: readonly LabelCurve[];
}

export interface LabelCurve {
  readonly label: string;
  readonly averagePrecision: number;
  /** Precision at recall 0, 0.01 .. 1. */
  readonly curve: readonly number[];
}

/** How many of what is there were found, and how many of what isn't were left alone. */
export interface Screening {
  readonly label: string;
  readonly sensitivity: CountedShare;
  readonly specificity: CountedShare;
}

/** `right` of `of`, with the 95 % Wilson interval of the share. */
export interface CountedShare {
  readonly right: number;
  readonly of: number;
  readonly interval: Interval;
}

/** An upright image, made small for the page. */
export interface Picture {
  readonly width: number;
  readonly height: number;
  /** `data:` URL of a JPEG, PNG or WebP file. */
  readonly source: string;
}

export interface SegmentationEvaluation {
  /** Images. */
  readonly rows: number;
  readonly labels: readonly string[];
  readonly meanIou: number;
  readonly meanDice: number;
  readonly pixelAccuracy: number;
  /** Of the classes' edges, within a few pixels; null where it wasn't asked. */
  readonly boundaryF1: number | null;
  readonly perClass: readonly {
    readonly label: string;
    /** null where the class appears nowhere. */
    readonly iou: number | null;
    readonly dice: number | null;
    readonly boundaryF1: number | null;
    /** Shares of pixels, over images: the interval is that of the images' mean. */
    readonly sensitivity: MeanShare | null;
    readonly specificity: MeanShare | null;
    readonly pixels: number;
  }[];
  /** Of pixels, some of each image. Absent from reports of before. */
  readonly calibration?: Calibration | null;
  /** The images with the worst answers first. */
  readonly examples: readonly {
    readonly name: string;
    readonly picture: Picture;
    /** Mean IoU of this image. */
    readonly score: number;
    /** Outlines in pixels of the picture, x and y in turn. */
    readonly truth: readonly Outline[];
    readonly answer: readonly Outline[];
  }[];
}

/** Where images look: means over the heads of attention. */
export interface AttentionMaps {
  /** prompt: how much each patch looks at the prompt's tokens. class: how much the class token looks at each patch. */
  readonly of: "prompt" | "class";
  /** From 0 on: what maps are the mean of. `share`: of what patches look at, how much is the prompt; of `class` null. */
  readonly layers: readonly { readonly layer: number; readonly share: number | null }[];
  /** Of the prompt; 0 of `class`. */
  readonly tokens: number;
  readonly grid: { readonly rows: number; readonly columns: number };
  readonly images: readonly {
    readonly name: string;
    readonly picture: Picture;
    /** Where the grid lies, in pixels of the picture; it may reach beyond. */
    readonly frame: BoxCorners;
    /** Each [rows * columns], shares of 0..1. `token`: from 0 on, null for all together. */
    readonly maps: readonly { readonly token: number | null; readonly values: readonly number[] }[];
  }[];
}

/** A share whose trials aren't independent, such as pixels: its 95 % interval is taken over images. */
export interface MeanShare {
  readonly value: number;
  readonly interval: Interval;
}

/** Edges of one part of a class: `points` are x, y, x, y .. */
export interface Outline {
  readonly label: number;
  readonly points: readonly number[];
}

export interface DetectionEvaluation {
  /** Images. */
  readonly rows: number;
  /** In the truth. */
  readonly objects: number;
  readonly labels: readonly string[];
  /** As COCO defines them: over overlaps of 0.5 .. 0.95; at 0.5; at 0.75. */
  readonly map: number;
  readonly map50: number;
  readonly map75: number;
  /** Answers below this score are left out of sensitivity, precision and pictures; chosen on held-out images. */
  readonly threshold: number;
  readonly perClass: readonly {
    readonly label: string;
    readonly objects: number;
    /** null where no object is of the class. */
    readonly ap: number | null;
    readonly ap50: number | null;
    /** Objects that were found, overlap 0.5. */
    readonly sensitivity: CountedShare;
    /** Answers that are an object. */
    readonly precision: CountedShare;
    /** At overlap 0.5, recall 0, 0.01 .. 1. */
    readonly curve: readonly number[];
  }[];
  /** The images with the worst answers first. */
  readonly examples: readonly {
    readonly name: string;
    readonly picture: Picture;
    readonly missed: number;
    readonly wrong: number;
    /** Corners in pixels of the picture. */
    readonly truth: readonly { readonly label: number; readonly box: BoxCorners; readonly found: boolean }[];
    readonly answer: readonly {
      readonly label: number;
      readonly box: BoxCorners;
      readonly score: number;
      readonly right: boolean;
    }[];
  }[];
  readonly calibration: Omit<Calibration, "temperature"> | null;
  /** Each class, image by image: whether there is one at all. Absent from reports of before. */
  readonly screening?: readonly Screening[];
}

export type BoxCorners = readonly [xmin: number, ymin: number, xmax: number, ymax: number];

/** Of a task whose figures are told in tables. */
export interface FiguresEvaluation {
  readonly rows: number;
  /** Of each label's score, where labels have one. */
  readonly curves?: readonly LabelCurve[];
  readonly figures: readonly Figure[];
  readonly tables: readonly {
    readonly title: string;
    /** What is to be seen in it, in a sentence. */
    readonly about: string;
    readonly columns: readonly string[];
    readonly rows: readonly (readonly (string | number | null)[])[];
  }[];
  /** Wrong answers, the worst first. */
  readonly mistakes: readonly {
    readonly text: string;
    readonly wanted: string;
    readonly given: string;
  }[];
}

export interface Calibration {
  /** Divides the logits; fitted on held-out rows. */
  readonly temperature: number;
  /** Expected calibration error (15 bins) on the evaluation rows. */
  readonly expectedCalibrationError: number;
  readonly bins: readonly { readonly confidence: number; readonly accuracy: number; readonly rows: number }[];
}
