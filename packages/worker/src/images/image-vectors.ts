import type { AttentionMaps, Picture } from "@kilotune/contract";
import { AUGMENTATIONS } from "@kilotune/image";
import { type Prompt, type PromptManifest, roundToStorage } from "@kilotune/prompt";
import {
  chooseVisionSettings,
  embedImages,
  featureWanted,
  ImageStore,
  type LearningTask,
  type Learnt,
  type LinearSession,
  openedSite,
  openLinearSession,
  promptFeed,
  type RunOptions,
  type VisionSettings,
  visionSite,
} from "@kilotune/tuner";
import { vectorsOfRows } from "../classes/prepare.ts";
import type { ImageJob } from "../job.ts";
import { learntPart, siteOfImages, withPart } from "../prompt-part.ts";
import { sharedSessions } from "../shared-sessions.ts";
import type { Published, RowsOf } from "../task.ts";
import { attentionOf } from "./attention.ts";
import { imageBackbone } from "./image-backbone.ts";
import { type ImageFile, nameOfRow, type ReadFiles } from "./image-files.ts";
import { settled, startNumbers, wishesOf } from "./image-settings.ts";
import { pictureOf } from "./picture.ts";

/** A file's images as one vector each, of the plain backbone, and ready for a prompt. */
export interface VectorRows extends RowsOf {
  /** What people see of each. */
  readonly texts: readonly string[];
  /** Below the prompt. */
  readonly store: ImageStore;
  /** Unit vectors of the plain backbone, [rows, H] flat. */
  readonly vectors: Float32Array;
  readonly truncatedRows: number;
  pictureOf(row: number): Promise<Picture>;
}

/** What tasks share that read an image as one vector: classes, and labels of which an image has several. */
export interface ImageVectors extends AsyncDisposable {
  readonly backbone: ImageJob["backbone"];
  readonly linear: LinearSession;
  /** As the tuner chose them, also for a head alone. */
  readonly chosen: VisionSettings;
  /** undefined where a head alone was asked for. */
  readonly settings: VisionSettings | undefined;
  /** Numbers of the prompt. */
  readonly promptNumbers: number;
  prepare(
    file: ImageFile<unknown>,
    copies: number,
    onProgress?: (share: number) => void,
  ): Promise<VectorRows>;
  /**
   * What a run on these rows begins with; nothing where its prompt starts at random.
   * @param taskOn the run's task by the rows' unit vectors, which its head starts from: those behind the prompt's start
   * @param taskFrom its task by the head that it goes on from
   */
  beginOf<Name extends string>(
    settings: VisionSettings,
    rows: Pick<VectorRows, "store">,
    taskOn: (vectors: Float32Array) => LearningTask<Name> | Promise<LearningTask<Name>>,
    taskFrom: (head: Prompt["head"]) => LearningTask<Name>,
  ): Pick<RunOptions<Name>, "start">;
  /** Unit vectors behind what was learnt, [rows, H] flat. */
  vectorsOf(learnt: Pick<Learnt, "prompt">, rows: Pick<VectorRows, "store">): Promise<Float32Array>;
  /** Behind a prompt as its file has it. */
  vectorsOfPrompt(prompt: Prompt, rows: VectorRows): Promise<Float32Array>;
  attention(prompt: Prompt, file: ImageFile<unknown>): Promise<AttentionMaps | undefined>;
  /** Rounded to what its file will hold. @param about task, labels and calibration of the manifest */
  publish(
    about: Partial<PromptManifest>,
    head: { readonly kind: string; readonly scale: number },
    { tuned, receipt }: Pick<Published<unknown, unknown>, "tuned" | "receipt">,
  ): Promise<Prompt>;
}

/** Of a picture in the report, in pixels. */
const PICTURE_SIDE = 160;

/** @param files closed with it, and where this fails */
export async function openImageVectors(
  job: ImageJob,
  trainRows: number,
  files: Pick<ReadFiles<unknown>, "start"> & AsyncDisposable,
): Promise<ImageVectors> {
  await using opened = new AsyncDisposableStack();
  opened.use(files);
  const { start } = files;
  const backbone = opened.use(sharedSessions(job.backbone));
  const { manifest } = backbone;
  const wish = { method: job.method, trainRows, seed: job.seed, ...wishesOf(job, start) };
  const chosen = settled(chooseVisionSettings(manifest, wish), job, start, manifest);
  const { feature } = chosen;
  const site = visionSite(chosen, manifest);
  const below = openedSite(chosen, site);
  const lower = await backbone.open({ kind: "lower", site: below });
  const wanted = featureWanted(feature);
  // What lies below a prompt differs from site to site: the plain backbone has its own, which nothing keeps.
  const plainSite = { kind: "none", firstLayer: manifest.config.layers - 1 } as const;
  const plainLower = await backbone.open({ kind: "lower", site: plainSite });
  const plain = await backbone.open({ kind: "upper", site: plainSite, wanted });
  const linear = await openLinearSession(backbone.openGraph, manifest.config.hiddenSize);
  opened.defer(() => linear.release());
  const kept = opened.move();
  const vectorsOf: ImageVectors["vectorsOf"] = async ({ prompt }, { store }) => {
    const upper = await backbone.open({ kind: "upper", site: below, wanted });
    return embedImages(upper, store, feature, promptFeed(site, prompt));
  };
  return {
    backbone,
    linear,
    chosen,
    settings: job.method === "head" ? undefined : chosen,
    promptNumbers: site?.dims.reduce((a, b) => a * b, 1) ?? 0,
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
    async prepare(file, copies, onProgress = () => {}) {
      const augmentation = { range: AUGMENTATIONS.classify, copies, seed: job.seed };
      const store = ImageStore.open(backbone, lower, file.source, copies > 0 ? { augmentation } : {});
      await store.fill((done) => onProgress(done / Math.max(1, file.count)));
      const plainStore = ImageStore.open(backbone, plainLower, file.source, { budgetBytes: 0 });
      return {
        name: file.name,
        count: file.count,
        texts: file.rows.map(nameOfRow),
        store,
        vectors: await embedImages(plain, plainStore, feature),
        truncatedRows: 0,
        pictureOf: async (row: number) => (await pictureOf(file.source, row, PICTURE_SIDE)).picture,
      };
    },
    beginOf(own, rows, taskOn, taskFrom) {
      if (start === undefined) return {};
      return {
        async start(random) {
          const prompt = await startNumbers(start, own, backbone, random);
          const task = start.takesHead
            ? taskFrom(start.prompt.head)
            : await taskOn(await vectorsOf({ prompt }, rows));
          return { prompt, head: task.head };
        },
      };
    },
    vectorsOf,
    async vectorsOfPrompt(prompt, rows) {
      if (prompt.method === "head") return rows.vectors;
      const { site: own, feeds } = siteOfImages(prompt, plainSite.firstLayer);
      // A file's channels are those of all stages; the store begins at the first that was learnt.
      const at = own.kind === "channels" ? below : own;
      const upper = await backbone.open({ kind: "upper", site: at, wanted });
      return embedImages(upper, rows.store, feature, feeds);
    },
    attention: (prompt, file) => attentionOf(backbone, prompt, file),
    async publish(about, head, { tuned, receipt }) {
      const storage = job.storage ?? "float16";
      const shared = {
        format: "kilotune.prompt/1",
        input: "image",
        backbone: imageBackbone(backbone),
        head: { kind: head.kind, scale: head.scale, feature },
        storage,
        receipt: { ...receipt, settings: tuned ? { ...chosen, epochs: tuned.epoch } : { feature } },
        metrics: {},
        ...about,
      };
      const part = tuned && (await learntPart(backbone, chosen, tuned.prompt));
      return roundToStorage(withPart(part, shared, head) as unknown as Prompt, storage);
    },
  };
}

/** Some rows of a file; nothing is computed again. */
export function pickVectors<Rows extends VectorRows>(rows: Rows, wanted: readonly number[]): VectorRows {
  const { name, truncatedRows, store } = rows;
  return {
    name,
    truncatedRows,
    count: wanted.length,
    texts: wanted.map((row) => rows.texts[row] as string),
    store: store.subset(wanted),
    vectors: vectorsOfRows(rows, wanted),
    pictureOf: (row) => rows.pictureOf(wanted[row] as number),
  };
}
