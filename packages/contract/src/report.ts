/**
 * Everything that a tuning job found out, as data: the worker fills it, the HTML report draws it, the command line and
 * the API print parts of it. Accuracies are 0..1, times are seconds unless a name says otherwise.
 */
export interface TuneReport {
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
  /** Baselines and tuned candidates, in the order in which they are shown. */
  readonly candidates: readonly Candidate[];
  readonly verdict: Verdict;
  /** On the test file (or on the held-out rows where there is none), by the published prompt as written. */
  readonly evaluation: Evaluation;
  readonly calibration: Calibration;
  /** Further test files, e.g. other languages: what the backbone makes of them. */
  readonly otherTests: readonly {
    readonly name: string;
    readonly rows: number;
    readonly published: Score;
    readonly linearProbe: Score;
  }[];
  readonly prompt: {
    readonly path: string;
    readonly id: string;
    readonly sizeBytes: number;
    readonly method: MethodName;
    readonly tokens: number;
    readonly trainableParameters: number;
  };
  readonly timings: readonly { readonly name: string; readonly seconds: number }[];
  readonly notes: readonly string[];
}

export type MethodName = "kv" | "soft" | "head";

export interface CurvePoint {
  readonly epoch: number;
  /** Mean cross-entropy over the epoch's training rows. */
  readonly loss: number;
  /** null where the run has no held-out rows (the last run on all rows). */
  readonly validationAccuracy: number | null;
  readonly learningRate: number;
}

export interface Candidate {
  readonly name: "majority" | "classMean" | "knn" | "linearProbe" | MethodName;
  /** Words for people, e.g. "linear probe". */
  readonly title: string;
  readonly heldOut: Score | null;
  readonly test: Score | null;
  /** What a tenant would store for it. */
  readonly sizeBytes: number;
  readonly published: boolean;
}

export interface Score {
  readonly rows: number;
  readonly accuracy: number;
  readonly macroF1: number;
  /** 95 % Wilson interval of the accuracy. */
  readonly interval: readonly [low: number, high: number];
}

export interface Verdict {
  readonly best: Candidate["name"];
  /** Held-out accuracy of the tuned prompt less that of the best baseline; negative where the prompt does not pay. */
  readonly margin: number;
  /** Whether a paired test (McNemar) says that the difference is more than noise, at 5 %. */
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
  }[];
}

export interface Calibration {
  /** Divides the logits; fitted on held-out rows. */
  readonly temperature: number;
  /** Expected calibration error (15 bins) on the evaluation rows. */
  readonly expectedCalibrationError: number;
  readonly bins: readonly { readonly confidence: number; readonly accuracy: number; readonly rows: number }[];
}
