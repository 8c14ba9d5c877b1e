import type { VisionBackbone } from "@kilotune/backbone";
import { isCodedError, KilotuneError, retold } from "@kilotune/contract";
import {
  cropPixels,
  decodeImage,
  type ImageCodec,
  type ImageLimits,
  type Pixels,
  type Prepared,
  prepareImage,
  preparePixels,
  sizeOfImage,
  tiledPreprocessing,
  tilesOf,
} from "@kilotune/image";
import type { StoredPrompt } from "@kilotune/prompt";
import { additionKey } from "../additions.ts";
import { overloaded } from "../batcher.ts";
import { type Call, type PredictorStats, RowServer, type RunOptions } from "../row-server.ts";
import { ServeSessions } from "../serve-sessions.ts";
import {
  type AnswerOptions,
  answerOf,
  type ImageAnswer,
  type ImageClasses,
  type ImageMap,
  type ImageObjects,
} from "./answers.ts";
import { assembleImages, featuresOf, type ImageRow } from "./assemble.ts";
import { Gate } from "./gate.ts";
import { type ImageFeatures, ImageHeads, outputsOf } from "./heads.ts";
import { type PreparedImagePrompt, prepareImagePrompt, tiledSha256Of } from "./prepare-prompt.ts";
import { tiledAnswer } from "./tiled.ts";

export interface VisionPredictorOptions {
  readonly backbone: VisionBackbone;
  /** As of `createPredictor`: the name is the cache's key, and must mean the same bytes for ever and to every caller. */
  readonly loadPrompt: (ref: string) => Promise<StoredPrompt>;
  /** Decodes images: `createSharpCodec()` of @kilotune/image/node, `createCanvasCodec()` of /browser. */
  readonly codec: ImageCodec;
  readonly limits?: ImageLimits;
  /** Numbers of layers behind which heads may read patches. Default all: the less, the less memory a pass takes. */
  readonly taps?: readonly number[];
  /** For prompts in memory. Default 256 MB. */
  readonly cacheBytes?: number;
  /** Most images of a pass. Default 16. */
  readonly maxBatchRows?: number;
  /** Most images of all calls that are decoded, wait or run before a call is refused as `overloaded`. Default 256. */
  readonly maxQueueRows?: number;
}

export interface ImageRequest {
  /** The bytes of a file, or upright pixels. Given more than once in a call, it is decoded once. */
  readonly image: Uint8Array | Pixels;
  /** What `loadPrompt` is asked for. */
  readonly prompt: string;
}

type Options = RunOptions & AnswerOptions;

/**
 * Answers about images for all tenants from one session of one backbone, whatever the prompts' tasks. Errors concern a whole
 * call; other calls don't notice.
 */
export interface VisionPredictor {
  /**
   * Answers in the order of the requests, each by its prompt's own task. A call may ask several tasks about one image: where
   * their prompts are heads alone, the backbone runs once for all of them.
   * @throws KilotuneError those of @kilotune/image; `backbone_mismatch`, `wrong_task`, `prompt_too_long`, `unsupported_taps`,
   *   `non_finite`, `overloaded`, `closed`; what `loadPrompt` throws; the signal's reason
   */
  answer(requests: readonly ImageRequest[], options?: Options): Promise<ImageAnswer[]>;
  /** Of prompts that classify, with one label or several. @throws KilotuneError `wrong_task` for others */
  classify(requests: readonly ImageRequest[], options?: Options): Promise<ImageClasses[]>;
  segment(requests: readonly ImageRequest[], options?: Options): Promise<ImageMap[]>;
  detect(requests: readonly ImageRequest[], options?: Options): Promise<ImageObjects[]>;
  /** Loads prompts and opens what their heads need, so that the first image doesn't wait for it. */
  prepare(prompts: readonly string[]): Promise<void>;
  stats(): PredictorStats;
  /** Drops prompts by their names: what of them is in use ends with its call. */
  forget(isForgotten: (ref: string) => boolean): void;
  /** Refuses new calls, answers those that were accepted, then releases the session. */
  close(): Promise<void>;
}

export async function createVisionPredictor(options: VisionPredictorOptions): Promise<VisionPredictor> {
  const { backbone, loadPrompt, codec, limits, cacheBytes = 256e6 } = options;
  const { maxBatchRows = 16, maxQueueRows = 256 } = options;
  const { config, preprocessing } = backbone.manifest;
  const tiledSpec = tiledPreprocessing(preprocessing);
  const tiledSha256 = await tiledSha256Of(backbone.manifest);
  const taps = options.taps ?? Array.from({ length: config.layers - 1 }, (_, at) => at + 1);
  const wanted = { cls: config.hasClassToken, patches: true, taps };
  const sessions = await ServeSessions.open((added: "lora" | undefined) =>
    backbone.open({ kind: "serve", wanted, added }),
  );
  const heads = new ImageHeads(backbone);
  const decoders = new Gate(DECODERS);
  const server = new RowServer<PreparedImagePrompt, ImageRow, ImageFeatures>({
    load: async (ref) => {
      const prompt = prepareImagePrompt(await loadPrompt(ref), backbone.manifest, tiledSha256);
      refuseOtherTaps(prompt, taps);
      return prompt;
    },
    pass: async (rows) => {
      const outputs = [...new Set(rows.flatMap((row) => [...row.outputs]))];
      const session = await sessions.of(rows[0]!.prompt.added?.kind);
      const features = await session.run(assembleImages(rows, config), outputs);
      return rows.map((row, at) => featuresOf(row, at, features, config));
    },
    release: async () => {
      heads.release();
      await sessions.release();
    },
    cacheBytes,
    // Which kernel convolves, and so how it rounds, follows from the number of images: a row's neighbours would show.
    maxBatchRows: config.channels === undefined ? maxBatchRows : 1,
    maxQueueRows,
  });
  let held = 0;

  const read = { ...(limits && { limits }) };

  /** What of an image the backbone looks at: all of it at once, or in tiles. */
  async function open(image: ImageRequest["image"], tiled: boolean): Promise<Seen> {
    if (!tiled)
      return image instanceof Uint8Array
        ? await prepareImage(codec, image, preprocessing, read)
        : await preparePixels(codec, image, preprocessing);
    const size = image instanceof Uint8Array ? await sizeOfImage(codec, image, read) : image;
    const tiles = tilesOf(size, tiledSpec);
    // A large one is decoded when its turn comes: a window of them would fill the memory.
    return tiles.length > 1 ? { image, tiles } : preparePixels(codec, await pixelsOf(image), tiledSpec);
  }

  async function pixelsOf(image: ImageRequest["image"]): Promise<Pixels> {
    const { background } = preprocessing;
    return image instanceof Uint8Array ? decodeImage(codec, image, { ...read, background }) : image;
  }

  /** Images `start` to `end` of a call, each decoded once; an error says which of them it is of. */
  function decode(
    all: readonly ImageRequest[],
    { prompts }: Pick<ImageCall, "prompts">,
    start: number,
    end: number,
    signal: AbortSignal | undefined,
  ): Promise<Seen[]> {
    const once = {
      whole: new Map<ImageRequest["image"], Promise<Seen>>(),
      tiled: new Map<ImageRequest["image"], Promise<Seen>>(),
    };
    return Promise.all(
      all.slice(start, end).map(({ image, prompt }, at) => {
        const { tiled } = prompts.get(prompt)!;
        const known = tiled ? once.tiled : once.whole;
        const standing = known.get(image);
        if (standing !== undefined) return standing;
        const work = decoders
          .through(async () => {
            signal?.throwIfAborted();
            return open(image, tiled);
          })
          .catch((error: unknown) => {
            throw all.length === 1 ? error : ofImage(error, start + at + 1, all.length);
          });
        known.set(image, work);
        return work;
      }),
    );
  }

  /** One image's tiles, as many at a time as a pass takes, and what is said of them in one answer. */
  async function answerTiles(
    prompt: PreparedImagePrompt,
    { image, tiles }: InTiles,
    { mostRows, run }: ImageCall,
    asked: Options,
  ): Promise<ImageAnswer> {
    const pixels = await decoders.through(() => pixelsOf(image));
    const whole = tiledAnswer(prompt, { width: pixels.width, height: pixels.height }, preprocessing, asked);
    for (let from = 0; from < tiles.length; from += maxBatchRows) {
      asked.signal?.throwIfAborted();
      const part = tiles.slice(from, from + maxBatchRows);
      const prepared = await Promise.all(
        part.map((tile) => preparePixels(codec, cropPixels(pixels, tile), tiledSpec)),
      );
      const rows = prepared.map((each) => rowOf({ image: each, prompt, tensor: each.tensor, mostRows }));
      const features = await run(rows);
      for (const [at, { tensor, placement }] of prepared.entries()) {
        const numbers = await heads.run(prompt, features[at]!, tensor);
        whole.add(numbers as Float32Array, part[at]!, placement);
      }
    }
    return whole.end();
  }

  async function answerWindow(
    requests: readonly ImageRequest[],
    seen: readonly Seen[],
    call: ImageCall,
    asked: Options,
  ): Promise<ImageAnswer[]> {
    const { prompts, mostRows, run } = call;
    const rows: ImageRow[] = [];
    const places = requests.map(({ image, prompt: ref }, at) => {
      const prompt = prompts.get(ref)!;
      const own = seen[at]!;
      if ("tiles" in own) return -1;
      const same = rows.findIndex(
        (row) =>
          row.tensor === own.tensor && row.image === image && insideOf(row.prompt) === insideOf(prompt),
      );
      const outputs = outputsOf(prompt.task);
      if (same >= 0) {
        for (const name of outputs) rows[same]!.outputs.add(name);
        return same;
      }
      return rows.push(rowOf({ image, prompt, tensor: own.tensor, mostRows })) - 1;
    });
    const features = rows.length > 0 ? await run(rows) : [];
    const answers = await Promise.all(
      requests.map(async ({ prompt: ref }, at) => {
        const own = seen[at]!;
        if ("tiles" in own) return undefined;
        const prompt = prompts.get(ref)!;
        const numbers = await heads.run(prompt, features[places[at]!]!, own.tensor);
        return answerOf(prompt, numbers, own.placement, asked);
      }),
    );
    // A large image takes memory of its own: one after the other.
    for (const [at, own] of seen.entries())
      if ("tiles" in own)
        answers[at] = await answerTiles(prompts.get(requests[at]!.prompt)!, own, call, asked);
    return answers as ImageAnswer[];
  }

  function answer<Answer extends ImageAnswer>(
    requests: readonly ImageRequest[],
    asked: Options,
    tasks?: readonly Answer["task"][],
  ): Promise<Answer[]> {
    const refs = requests.map(({ prompt }) => prompt);
    return server.call(refs, asked, async (call) => {
      if (tasks !== undefined) for (const prompt of call.prompts.values()) refuseOtherTask(prompt, tasks);
      const answers: ImageAnswer[] = [];
      // In windows, so that a call of any length holds no more than two of them as tensors.
      const size = 2 * maxBatchRows;
      const begin = (start: number) => {
        const images = decode(requests, call, start, start + size, asked.signal);
        // It may fail while the window before it is answered.
        images.catch(() => {});
        return images;
      };
      const weight = asked.background ? 0 : Math.min(requests.length, size);
      if (held > 0 && held + weight > maxQueueRows) throw overloaded(maxQueueRows);
      held += weight;
      try {
        let next = begin(0);
        for (let start = 0; start < requests.length; start += size) {
          const prepared = await next;
          if (start + size < requests.length) next = begin(start + size);
          answers.push(...(await answerWindow(requests.slice(start, start + size), prepared, call, asked)));
        }
      } finally {
        held -= weight;
      }
      return answers as Answer[];
    });
  }

  return {
    answer: (requests, asked = {}) => answer(requests, asked),
    classify: (requests, asked = {}) =>
      answer<ImageClasses>(requests, asked, ["classification", "multi_label"]),
    segment: (requests, asked = {}) => answer<ImageMap>(requests, asked, ["segmentation"]),
    detect: (requests, asked = {}) => answer<ImageObjects>(requests, asked, ["detection"]),
    prepare: (refs) =>
      server.call(refs, {}, async ({ prompts }) => {
        await Promise.all([...prompts.values()].map((prompt) => heads.prepare(prompt)));
      }),
    stats: () => server.stats(),
    forget: (isForgotten) => server.forget(isForgotten),
    close: () => server.close(),
  };
}

/** An image as the backbone takes it, or, of a large one, its parts. */
type Seen = Prepared | InTiles;

interface InTiles {
  readonly image: ImageRequest["image"];
  readonly tiles: ReturnType<typeof tilesOf>;
}

function rowOf({
  image,
  prompt,
  tensor,
  mostRows,
}: Pick<ImageRow, "image" | "prompt" | "tensor"> & { readonly mostRows: number }): ImageRow {
  const { slots } = prompt;
  const batchKey = `${slots.soft} ${slots.prefix} ${additionKey(prompt.added)}`;
  const outputs = new Set(outputsOf(prompt.task));
  return { image, tensor, prompt, slots, outputs, batchKey, batchLimit: mostRows };
}

type ImageCall = Call<PreparedImagePrompt, ImageRow, ImageFeatures>;

/** What joins the backbone; undefined of a head alone. */
function insideOf({ prefix, soft, added, channels, border }: PreparedImagePrompt): object | undefined {
  return prefix ?? soft ?? added ?? channels ?? border;
}

/** Images that are decoded at once: libvips takes a thread each. */
const DECODERS = 4;

function ofImage(error: unknown, at: number, of: number): unknown {
  if (!isCodedError(error)) return error;
  return retold(error, { message: `image ${at} of ${of}: ${error.message}` });
}

function refuseOtherTaps({ task }: PreparedImagePrompt, served: readonly number[]): void {
  if (!("taps" in task)) return;
  const missing = task.taps.filter((tap) => !served.includes(tap));
  if (missing.length === 0) return;
  throw new KilotuneError(
    "unsupported_taps",
    `expected a head that reads behind ${served.join(", ") || "no"} layers, saw one that reads behind ${missing.join(", ")}`,
    "Serve the backbone with these taps, or tune again with others.",
  );
}

function refuseOtherTask({ task, id }: PreparedImagePrompt, expected: readonly string[]): void {
  if (expected.includes(task.kind)) return;
  throw new KilotuneError(
    "wrong_task",
    `expected a prompt for ${expected.join(" or ")}, but ${id} is one for ${task.kind}`,
    "Ask it for what it was tuned for, or give another prompt.",
    { kind: "usage" },
  );
}
