import type { FileId, PromptId, TenantId } from "@kilotune/contract";
import type { TextOrPair } from "@kilotune/contract/wire";

/**
 * Answers texts of all tenants; server and Lambda put a Predictor behind it. Its errors are KilotuneErrors:
 * `overloaded` (a 429) where its bounded queue is full, `closed` (a 503) while it shuts down.
 */
export interface Inference {
  classify(
    call: InferenceCall & { readonly promptId: PromptId; readonly topK?: number },
  ): Promise<ClassifyAnswer>;
  estimate(call: InferenceCall & { readonly promptId: PromptId }): Promise<EstimateAnswer>;
  tag(call: TagCall): Promise<TagAnswer>;
  /** Without a prompt by the plain backbone. */
  embed(call: EmbedCall): Promise<EmbedAnswer>;
  /** Where backbones of images are served. Its errors name the image (`param`). */
  readonly images?: ImageInference;
  /** Drops what is kept of a tenant's prompts, so that a deletion leaves nothing in memory. */
  forget?(tenant: TenantId): void;
}

export interface InferenceCall {
  readonly tenant: TenantId;
  /** Id of the backbone that the prompt was tuned on. */
  readonly backbone: string;
  readonly inputs: readonly TextOrPair[];
  /** Aborted where the client hangs up or the deadline passes: waiting rows are taken out. */
  readonly signal: AbortSignal;
  /** Of a batch: it yields to calls that somebody waits for, and is never refused as `overloaded`. */
  readonly background?: boolean;
}

export interface EmbedCall extends Omit<InferenceCall, "inputs"> {
  readonly promptId?: PromptId;
  readonly inputs: readonly string[];
}

export interface TagCall extends Omit<InferenceCall, "inputs"> {
  readonly promptId: PromptId;
  readonly inputs: readonly string[];
}

export interface ClassifyAnswer {
  /** In the order of the inputs. */
  readonly rows: readonly {
    readonly label: string;
    readonly score: number;
    /** The likeliest first. */
    readonly scores: readonly { readonly label: string; readonly score: number }[];
    /** Of a prompt that gives several labels: those that it gives. */
    readonly labels?: readonly { readonly label: string; readonly score: number }[];
    /** Of a prompt that knows what is none of its labels': whether this is. */
    readonly outOfScope?: boolean;
    readonly truncated: boolean;
  }[];
  /** Tokens that the backbone read, special ones and truncation counted. */
  readonly tokens: number;
}

export interface EstimateAnswer {
  readonly rows: readonly { readonly value: number; readonly truncated: boolean }[];
  readonly tokens: number;
}

export interface TagAnswer {
  readonly rows: readonly {
    /** In the order of the text, none over another; places in UTF-16 units of the text as it was given. */
    readonly spans: readonly {
      readonly label: string;
      readonly start: number;
      readonly end: number;
      readonly score: number;
    }[];
    readonly truncated: boolean;
  }[];
  readonly tokens: number;
}

export interface EmbedAnswer {
  readonly rows: readonly { readonly vector: Float32Array; readonly truncated: boolean }[];
  readonly tokens: number;
}

export interface ImageInference {
  classify(call: ImageCall & { readonly topK?: number }): Promise<readonly LabelledImage[]>;
  segment(call: ImageCall & { readonly format: MaskFormat }): Promise<readonly SegmentedImage[]>;
  detect(
    call: ImageCall & { readonly threshold?: number; readonly maxObjects: number },
  ): Promise<readonly DetectedImage[]>;
}

export interface ImageCall extends Omit<InferenceCall, "inputs"> {
  readonly promptId: PromptId;
  readonly images: readonly ImageSource[];
}

/** An image as it came, or the tenant's file that it is. `param`: its place in the request. */
export type ImageSource = ({ readonly bytes: Uint8Array } | { readonly file: FileId }) & {
  readonly sizeBytes: number;
  readonly param: string;
};

export interface LabelledImage {
  readonly label: string;
  readonly score: number;
  /** The likeliest first. */
  readonly scores: readonly { readonly label: string; readonly score: number }[];
  /** Of a model of several labels: those that reached their threshold. */
  readonly labels?: readonly { readonly label: string; readonly score: number }[];
}

export type MaskFormat = "png" | "rle" | "polygons";

/** Sides are those of the upright image. */
export interface SegmentedImage {
  readonly width: number;
  readonly height: number;
  /** All of the model's, in the order of the mask's levels. `share`: of the pixels. */
  readonly classes: readonly { readonly label: string; readonly share: number }[];
  /** Of format png: the file. */
  readonly mask?: Uint8Array;
  /** Of the other formats: COCO's, one for each class that is seen. */
  readonly segments?: readonly {
    readonly label: string;
    readonly segmentation: { readonly size: [number, number]; readonly counts: string } | number[][];
  }[];
}

export interface DetectedImage {
  readonly width: number;
  readonly height: number;
  /** The surest first. */
  readonly objects: readonly {
    readonly label: string;
    readonly score: number;
    /** Corners in pixels of the upright image. */
    readonly box: readonly [xmin: number, ymin: number, xmax: number, ymax: number];
  }[];
}
