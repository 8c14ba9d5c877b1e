import type { VisionBackbone } from "@kilotune/backbone";
import { prng } from "@kilotune/dataset";
import { type Feeds, float32, type Session, type Tensor } from "@kilotune/engine";
import {
  type Augmentation,
  type AugmentationRange,
  augmentPixels,
  decodeImage,
  drawAugmentation,
  type ImageCodec,
  type Pixels,
  type Placement,
  type Prepared,
  prepareImage,
  preparePixels,
} from "@kilotune/image";
import type { RowStore } from "../task.ts";

/** Where images come from. */
export interface ImageSource {
  readonly images: number;
  readonly codec: ImageCodec;
  /** Bytes of an image's file. */
  file(image: number): Promise<Uint8Array>;
  /** Where an image is a part of a file's: the upright part, decoded. */
  pixels?(image: number): Promise<Pixels>;
}

export interface ImageStoreOptions {
  /** Default 2 GB: 1,700 images of 224 x 224 from a late layer of a ViT-S/14. */
  readonly budgetBytes?: number;
  /** Changed copies beside each image, which epochs take in turns. Each is computed once, where there is room for it. */
  readonly augmentation?: {
    readonly range: AugmentationRange;
    readonly copies: number;
    readonly seed: number;
  };
  /**
   * More feeds of an image, made of what the backbone is fed, [3, height, width]: each without the batch's axis. Kept along.
   */
  readonly also?: (tensor: Float32Array) => Readonly<Record<string, Tensor>>;
}

/** How an image was changed, if it was, and where it lies in the tensor: boxes and masks follow. */
export interface ImageView {
  readonly augmentation: Augmentation | undefined;
  readonly placement: Placement;
}

/**
 * What the backbone's `lower` graph makes of images, computed once where memory allows, else each time that it is asked
 * for: a late prompt doesn't change it. All outputs of the graph are kept, its taps too.
 *
 * With augmentation an epoch sees each image as it is or as one of its copies. Another copy each epoch would need the lower
 * layers each epoch, which is what late prompts save; a few copies are as good, since a run has but a few epochs.
 */
export class ImageStore implements RowStore {
  readonly lengths: Int32Array;
  readonly #origin: Origin;
  /** Images of the source that the rows are. */
  readonly #rows: readonly number[];

  private constructor(origin: Origin, rows: readonly number[]) {
    this.#origin = origin;
    this.#rows = rows;
    this.lengths = new Int32Array(rows.length).fill(origin.tokens);
  }

  /** @param lower an open session of the backbone's `lower` graph; the caller releases it after the store's last use */
  static open(
    backbone: VisionBackbone,
    lower: Session,
    source: ImageSource,
    options: ImageStoreOptions = {},
  ): ImageStore {
    const { height, width, patchSize, leadingTokens } = backbone.manifest.config;
    const tokens = leadingTokens + (height / patchSize) * (width / patchSize);
    const left = options.budgetBytes ?? 2e9;
    const origin: Origin = { backbone, lower, source, options, tokens, known: new Map(), left };
    return new ImageStore(
      origin,
      Array.from({ length: source.images }, (_, image) => image),
    );
  }

  /** A view of some rows: nothing is computed or copied, and what either computes serves both. */
  subset(rows: readonly number[]): ImageStore {
    return new ImageStore(
      this.#origin,
      rows.map((row) => this.#rows[row] as number),
    );
  }

  /** In parts whose activations stay within some hundred MB. */
  passes(batch: readonly number[]): (readonly number[])[] {
    const size = Math.max(1, Math.floor(TOKENS_A_PASS / this.#origin.tokens));
    const passes: (readonly number[])[] = [];
    for (let from = 0; from < batch.length; from += size) passes.push(batch.slice(from, from + size));
    return passes;
  }

  /** Feeds of the upper graphs: each output of the lower one and what is kept along, one row an image. Without an epoch, as they are. */
  async batch(rows: readonly number[], epoch?: number): Promise<Feeds> {
    const keys = rows.map((row) => this.#key(row, epoch));
    const computed = new Map<string, Feeds>();
    for (const key of new Set(keys))
      if (!this.#origin.known.get(key)?.feeds) computed.set(key, await this.#compute(key));
    const found = keys.map((key) => (computed.get(key) ?? this.#origin.known.get(key)?.feeds) as Feeds);
    return stacked(found);
  }

  /** Of a row that `batch` gave for this epoch. */
  view(row: number, epoch?: number): ImageView {
    const entry = this.#origin.known.get(this.#key(row, epoch));
    if (entry === undefined) throw new Error("an image's view is known once `batch` has given it");
    return entry.view;
  }

  /** Computes the rows as they are, beforehand. */
  async fill(onProgress: (done: number) => void = () => {}): Promise<void> {
    for (const row of this.#rows.keys()) {
      await this.batch([row]);
      onProgress(row + 1);
    }
  }

  /** Which copy an epoch sees: 0 is the image as it is. Images start at different ones, so that epochs are alike. */
  #key(row: number, epoch: number | undefined): string {
    const image = this.#rows[row] as number;
    const copies = this.#origin.options.augmentation?.copies ?? 0;
    return `${image} ${epoch === undefined ? 0 : (epoch + image) % (copies + 1)}`;
  }

  /**
   * One image by itself: beside others its numbers could round otherwise, and a run that goes on from a checkpoint asks for
   * them in other company. It has tokens enough to keep a processor busy.
   */
  async #compute(key: string): Promise<Feeds> {
    const origin = this.#origin;
    const { height, width } = origin.backbone.manifest.preprocessing;
    const pixels = new Float32Array(3 * height * width);
    const view = await this.#prepare(key, pixels);
    const outputs = await origin.lower.run({ pixels: float32(pixels, [1, 3, height, width]) });
    const own = Object.entries(outputs).map(([name, { data, dims }]) => [
      name,
      float32(data as Float32Array, dims.slice(1)),
    ]);
    const feeds: Feeds = { ...origin.options.also?.(pixels), ...Object.fromEntries(own) };
    const sizeBytes = Object.values(feeds).reduce((sum, { data }) => sum + data.byteLength, 0);
    const fits = sizeBytes <= origin.left;
    if (fits) origin.left -= sizeBytes;
    // Views are small and always kept.
    origin.known.set(key, { feeds: fits ? feeds : undefined, view });
    return feeds;
  }

  async #prepare(key: string, out: Float32Array): Promise<ImageView> {
    const { backbone, source, options } = this.#origin;
    const [image, copy] = key.split(" ").map(Number) as [number, number];
    const { preprocessing } = backbone.manifest;
    const { codec } = source;
    const { augmentation } = options;
    const { background } = preprocessing;
    let prepared: Prepared;
    if (copy === 0 || augmentation === undefined) {
      prepared = source.pixels
        ? await preparePixels(codec, await source.pixels(image), preprocessing, { out })
        : await prepareImage(codec, await source.file(image), preprocessing, { out });
      return { augmentation: undefined, placement: prepared.placement };
    }
    const pixels = source.pixels
      ? await source.pixels(image)
      : await decodeImage(codec, await source.file(image), { background });
    const random = prng(augmentation.seed, `augment ${key}`);
    const drawn = drawAugmentation(random, pixels, augmentation.range);
    prepared = await preparePixels(codec, augmentPixels(pixels, drawn), preprocessing, { out });
    return { augmentation: drawn, placement: prepared.placement };
  }
}

/** What views of one store share. */
interface Origin {
  readonly backbone: VisionBackbone;
  readonly lower: Session;
  readonly source: ImageSource;
  readonly options: ImageStoreOptions;
  readonly tokens: number;
  /** By image and copy. */
  readonly known: Map<string, Entry>;
  /** Bytes. */
  left: number;
}

interface Entry {
  /** Without the batch's axis; undefined where there was no room. */
  readonly feeds: Feeds | undefined;
  readonly view: ImageView;
}

/** 16 images of 224 x 224 in patches of 14. */
const TOKENS_A_PASS = 4200;

function stacked(rows: readonly Feeds[]): Feeds {
  const first = rows[0] as Feeds;
  return Object.fromEntries(
    Object.entries(first).map(([name, { data, dims }]) => {
      const all = new Float32Array(rows.length * data.length);
      rows.forEach((row, at) => {
        all.set(row[name]?.data as Float32Array, at * data.length);
      });
      return [name, float32(all, [rows.length, ...dims])];
    }),
  );
}
