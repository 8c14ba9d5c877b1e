import { type KeyId, METHODS_OF, type MethodName, type TaskName } from "@kilotune/contract";
import type { ImageFacts, MaskFacts } from "@kilotune/image";
import type { Blobs, Clock, Records, Workflow } from "@kilotune/store";

/** All that the use cases know of the world. Made once a process; a request adds who asks: `{ ...service, by: caller.key.id }`. */
export interface Service {
  readonly records: Records;
  readonly blobs: Blobs;
  readonly workflow: Workflow;
  readonly clock: Clock;
  /** Models that jobs tune and that everybody may call, by id. */
  readonly backbones: ReadonlyMap<string, Backbone>;
  /** Lets webhooks lead to private networks, as `webhookSender` is told to. Default: to public addresses by https alone. */
  readonly webhooksToPrivateNetwork?: boolean;
  /** Decodes images of files that are uploaded. Left out, they are judged by their first bytes, and decoded by the job. */
  readonly looks?: ImageLooks;
  /** Cryptographic random bytes; Node's where left out. */
  readonly random?: (bytes: number) => Uint8Array;
  /** Whom the audit log names; the system itself where left out. */
  readonly by?: KeyId;
}

/** Both throw a KilotuneError of kind input where the bytes are no image that is taken. */
export interface ImageLooks {
  image(bytes: Uint8Array): Promise<ImageFacts>;
  mask(bytes: Uint8Array): Promise<MaskFacts>;
}

export interface Backbone {
  readonly id: string;
  readonly createdAt: UnixSeconds;
  /** What it reads: texts where left out. */
  readonly input?: "text" | "image";
  /** The first layer of a `kv` prompt is below it, and the first stage of `channels`. */
  readonly layers: number;
  /** What jobs can tune it for. Classification alone where left out. */
  readonly tasks?: readonly TaskName[];
  /** What jobs can tune it by, the default first. Left out: all of a transformer of what it reads. */
  readonly methods?: readonly MethodName[];
}

export function methodsOf({ methods, input = "text" }: Backbone): readonly MethodName[] {
  return methods ?? METHODS_OF[input];
}

/** What jobs tune backbones for, by what these read. */
export const TUNED_TASKS = {
  text: ["classification", "multi_label", "tagging", "regression", "retrieval"],
  image: ["classification", "multi_label", "segmentation", "detection"],
} as const satisfies Readonly<Record<"text" | "image", readonly TaskName[]>>;

/** Whole seconds, as on the wire. */
export type UnixSeconds = number;

/** What a list answers. The next page is `after` the id of the last. */
export interface Page<T> {
  readonly data: readonly T[];
  readonly hasMore: boolean;
}

export interface PageQuery {
  /** An id; it needn't exist any more. */
  readonly after?: string;
  /** 1 .. 100, default 20. */
  readonly limit?: number;
  /** By age. Each list has its own default. */
  readonly order?: "asc" | "desc";
}
