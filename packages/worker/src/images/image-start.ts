import { withTiles } from "@kilotune/backbone";
import { METHOD_TITLES } from "@kilotune/contract";
import { assertCompatible, expectUse, type Prompt, type UseName } from "@kilotune/prompt";
import { badInit } from "@kilotune/tuner";
import type { ImageJob } from "../job.ts";
import { imageBackbone } from "./image-backbone.ts";

/** What a job on images goes on from. */
export interface ImageStart {
  readonly prompt: Prompt;
  /** Whether the run begins with its head, too: of the same kind, for the same labels in the same order. */
  readonly takesHead: boolean;
  /** For the receipt's settings, such as "prompt and head". */
  readonly what: string;
  /** For people: what is taken of it and what isn't. */
  readonly words: string;
}

/**
 * What of the prompt that a job names its runs begin with; undefined where it names none. Whether the prompt's shape is the
 * run's is `standingNumbers`' to say.
 *
 * @throws KilotuneError `bad_init`, `wrong_task`, `backbone_mismatch`
 */
export async function imageStart(job: ImageJob, labels: readonly string[]): Promise<ImageStart | undefined> {
  const { init, method } = job;
  if (init === undefined) return undefined;
  if (init.kind !== "prompt")
    throw badInit(
      "another prompt, or nothing, for images",
      init.kind,
      "Leave it out: prompts of images start at random.",
    );
  const { prompt } = expectUse(init.prompt, USES[job.task]);
  await assertSameBackbone(prompt, job);
  const theirs = prompt.manifest.labels;
  const { kind } = prompt.head;
  const takesHead =
    kind === HEADS[job.task] &&
    labels.length === theirs.length &&
    labels.every((label, at) => label === theirs[at]);
  if (method === "head") {
    if (job.task === "classification" || job.task === "multi_label")
      throw badInit(
        "a method that learns a prompt",
        "head",
        "A linear head is fitted to its end, wherever it begins: leave init out.",
      );
    if (prompt.method !== "head")
      throw badInit("a prompt of method head", prompt.method, `Tune with method ${prompt.method}.`);
    if (!takesHead)
      throw badInit(
        `a head for ${listed(labels)}`,
        `one for ${listed(theirs)}`,
        "Leave init out: of a head for other labels nothing can be taken.",
      );
  }
  const of = `the prompt ${init.prompt.id.replace("sha256-", "").slice(0, 12)}`;
  const part = METHOD_TITLES[prompt.method];
  if (method === "head")
    return { prompt, takesHead, what: "head", words: `It goes on from the head of ${of}.` };
  return takesHead
    ? {
        prompt,
        takesHead,
        what: "prompt and head",
        words: `It goes on from ${of}: from what its method (${part}) learnt and from its head, since the labels are the same.`,
      }
    : {
        prompt,
        takesHead,
        what: "prompt",
        words: `It goes on from what the method (${part}) of ${of} learnt; the head begins afresh, since that one's is a ${kind} head for ${listed(theirs)}.`,
      };
}

/** The same labels in the order of the prompt that a job goes on from, so that its head fits: data sets name them in any. */
export function labelsInOrder(
  { init }: Pick<ImageJob, "init">,
  labels: readonly string[],
): readonly string[] {
  const theirs: readonly string[] = init?.kind === "prompt" ? init.prompt.prompt.manifest.labels : [];
  const own = new Set(labels);
  return own.size === theirs.length && theirs.every((label) => own.has(label)) ? theirs : labels;
}

/** Of a report. */
export function notesOf(start: ImageStart | undefined): readonly string[] {
  return start === undefined ? [] : [start.words];
}

const USES = {
  classification: "imageClassification",
  multi_label: "imageMultiLabel",
  segmentation: "imageSegmentation",
  detection: "imageDetection",
} as const satisfies Record<ImageJob["task"], UseName>;

/** What a job publishes beside a prompt. */
const HEADS: Readonly<Record<ImageJob["task"], Prompt["head"]["kind"]>> = {
  classification: "cosine",
  multi_label: "linear",
  segmentation: "segmentation",
  detection: "detection",
};

/** Tiles are another preprocessing: said so, instead of in hashes. */
async function assertSameBackbone(prompt: Prompt, { backbone, tiles }: ImageJob): Promise<void> {
  const identityOf = async (inTiles: boolean) =>
    imageBackbone(inTiles ? await withTiles(backbone) : backbone);
  const { weightsSha256, preprocessingSha256 } = prompt.manifest.backbone;
  const other = await identityOf(!tiles);
  if (weightsSha256 === other.weightsSha256 && preprocessingSha256 === other.preprocessingSha256) {
    const [wanted, seen] = tiles ? ["with", "without"] : ["without", "with"];
    throw badInit(
      `a prompt that was tuned ${wanted} tiles`,
      `one ${seen} them`,
      `Tune ${seen} tiles, or name another prompt.`,
    );
  }
  assertCompatible(prompt.manifest, await identityOf(tiles === true));
}

/** Of many labels the first ones. */
function listed(labels: readonly string[]): string {
  const shown = labels.slice(0, 5).map((label) => JSON.stringify(label));
  const more = labels.length - shown.length;
  return more > 0 ? `${shown.join(", ")} and ${more} more` : shown.join(", ");
}
