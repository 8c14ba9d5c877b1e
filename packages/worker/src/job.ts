import type { Backbone, VisionBackbone } from "@kilotune/backbone";
import type { LintReport, MethodName, TuneReport } from "@kilotune/contract";
import type { Chunks, Format, TextTask } from "@kilotune/dataset";
import type { ChosenDevice, Device } from "@kilotune/engine/node";
import type { Storage, StoredPrompt } from "@kilotune/prompt";
import type { Candidate, Reparametrisation } from "@kilotune/tuner";
import type { ImageRows } from "./images/image-source.ts";

/** A tuning job as its user asks for it. */
export type TuneJob = TextJob | ImageJob;

/** Of texts. */
export interface TextJob extends JobOf<DataSource> {
  readonly input?: "text";
  /** One label a text, any number of labels, a number, a tag a word, texts that find one another. Default classification. */
  readonly task?: TextTask;
  /**
   * Of classification: the prompt says what is none of its labels'. `label`: rows of it are of none, they choose the threshold
   * and no class learns from them; left out, held-out rows alone do, of which one in twenty is turned away.
   */
  readonly outOfScope?: { readonly label?: string };
  readonly backbone: Backbone;
  readonly method: Exclude<MethodName, "channels" | "border">;
  /** What `kv`, `soft` and `deep` are learnt through, and folded into the prompt's numbers; nothing where left out. */
  readonly reparam?: Reparametrisation;
}

/**
 * vocabulary: tokens drawn from the backbone's. labels: the labels' names. examples: the training rows of each label. text: at
 * most 2,000 characters. prompt: another one of the same backbone, method and shape; of images also of the same task, and its
 * head is gone on with where its labels are the job's.
 */
export type PromptInit =
  | { readonly kind: "vocabulary" }
  | { readonly kind: "labels" }
  | { readonly kind: "examples" }
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "prompt"; readonly prompt: StoredPrompt };

/** Of images. */
export interface ImageJob extends JobOf<ImageRows> {
  readonly input: "image";
  /** One label an image; any number of labels; a class for each pixel; a box for each object. */
  readonly task: "classification" | "multi_label" | "segmentation" | "detection";
  readonly backbone: VisionBackbone;
  readonly method: Exclude<MethodName, "bias">;
  /** Of masks and boxes: images larger than what the backbone looks at are looked at in tiles, at their own size. */
  readonly tiles?: true;
}

interface JobOf<DataSource> {
  readonly train: DataSource;
  readonly validation?: DataSource;
  readonly test?: DataSource;
  /** Further test files, e.g. other languages; reported, never chosen by. */
  readonly otherTests?: readonly DataSource[];
  /** What the prompt's numbers start as; small random ones where left out. Of images another prompt alone. */
  readonly init?: PromptInit;
  /** Virtual tokens, of `lora` its rank, of `border` its width in pixels; the method's default where left out. */
  readonly tokens?: number;
  /** First prompted layer of `kv`, `deep`, `lora` and `bias`, first stage of `channels`; the task's own choice where left out. */
  readonly firstLayer?: number;
  /** Go before whatever the job would choose: what a sweep found. */
  readonly settings?: Candidate;
  /** Draws this many rows a class with the seed; all rows where left out. */
  readonly shots?: number;
  readonly epochs: number | "auto";
  /**
   * Whether rows that are nearly the same, or of one patient, are held out together. Left out: yes, and the receipt says so
   * where there are any. false: as receipts that don't say so.
   */
  readonly together?: boolean;
  /** Publishes what was asked for, whatever held-out rows say of it: for comparisons. */
  readonly publishAsked?: true;
  /** Full fine-tuning besides, as a baseline; of texts with one label each. */
  readonly fullTuning?: boolean;
  /**
   * Cross-validation besides, in as many folds: the whole job on all of them but one, measured on that one. The prompt stays
   * the same. Of a sweep: what its candidates are measured by.
   */
  readonly folds?: number;
  readonly seed: number;
  /** What the backbone's sessions compute on, for the receipt; the CPU where left out. */
  readonly device?: Device;
  readonly title?: string;
  /** How the prompt's numbers are stored; float16 where left out. */
  readonly storage?: Storage;
  /** File of the published prompt. */
  readonly out: string;
  /** Folder for checkpoints, made when needed and removed at the end. */
  readonly checkpoints: string;
  /** Goes on from the checkpoint where there is one of the very same job. */
  readonly resume: boolean;
}

export interface DataSource {
  /** For people: the file's name. */
  readonly name: string;
  readonly format: Format;
  /** Of a file on this machine: other processes can read it too. */
  readonly path?: string;
  /** Opens the bytes; may be called more than once. */
  open(): Chunks;
}

/** What a job tells on its way. Times left are seconds, from the pace so far. */
export type JobEvent =
  | { readonly kind: "stage"; readonly stage: JobStage; readonly words: string }
  | { readonly kind: "lint"; readonly file: string; readonly report: LintReport }
  | { readonly kind: "progress"; readonly stage: JobStage; readonly share: number }
  | {
      readonly kind: "training";
      /** "selection" learns on a part and measures on the rest; "final" learns on all rows. */
      readonly run: "selection" | "final";
      /** From 1. */
      readonly epoch: number;
      readonly epochs: number;
      /** Of the run, from 1. */
      readonly step: number;
      readonly steps: number;
      readonly share: number;
      readonly loss: number;
      readonly validationAccuracy: number | null;
      readonly secondsLeft: number;
    }
  | { readonly kind: "note"; readonly words: string }
  /** Where there was a choice. `because` is for the operator: it may quote paths of the machine. */
  | ({ readonly kind: "device" } & ChosenDevice);

export type JobStage =
  | "read"
  | "prepare"
  | "baselines"
  | "tune"
  | "cross-validation"
  | "publish"
  | "evaluate";

export interface JobResult {
  readonly report: TuneReport;
  readonly stored: StoredPrompt;
  readonly seconds: { readonly prepare: number; readonly tune: number; readonly evaluate: number };
  readonly epochs: number;
  /** Tokens of the training rows, once an epoch of the run that is published; once where that is a head alone. */
  readonly trainedTokens: number;
  /** Of full fine-tuning, where it was asked for. */
  readonly full?: { readonly weights: number; readonly seconds: number };
}

export interface JobHooks {
  onEvent?(event: JobEvent): void;
  /** A prompt that can be used, a quarter, a half and three quarters on the way of the run that is published. */
  onCheckpoint?(checkpoint: EpochCheckpoint): void;
  /** Aborting leaves a checkpoint and throws KilotuneError `interrupted`. */
  readonly signal?: AbortSignal;
  /** Milliseconds, for durations only. Default performance.now. */
  readonly clock?: () => number;
  /** Default: now. */
  readonly createdAt?: Date;
}

export interface EpochCheckpoint {
  /** Of its run, from 1. */
  readonly step: number;
  /** `train_loss`, and `valid_accuracy` where there are validation rows. */
  readonly metrics: Readonly<Record<string, number>>;
  /** A prompt's file. It isn't calibrated: its scores are surer than they ought to be. */
  readonly bytes: Uint8Array;
}
