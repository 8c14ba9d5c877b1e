import { type PromptId, retold, type TenantId } from "@kilotune/contract";
import { encodeRle, type LabelMap, maskOf, outlineMask, toCocoRle } from "@kilotune/image/masks";
import type { Service } from "./context.ts";
import { isInputError } from "./errors.ts";
import type { ImageCall, ImageInference, LabelledImage, MaskFormat, SegmentedImage } from "./inference.ts";
import { readImage } from "./open-images.ts";

/** What a predictor of images is asked, whoever makes it: `createVisionPredictor` of @kilotune/serving gives one. */
export interface ImagePredictor {
  classify(requests: Asked, options: Run & { readonly topK?: number }): Promise<readonly LabelledImage[]>;
  segment(requests: Asked, options: Run): Promise<readonly Segmented[]>;
  detect(
    requests: Asked,
    options: Run & { readonly threshold?: number; readonly most?: number },
  ): Promise<readonly Detected[]>;
}

export interface AnswerImages {
  readonly blobs: Service["blobs"];
  /** @throws KilotuneError where the backbone isn't served */
  readonly predictorOf: (backbone: string) => ImagePredictor;
  /** What the predictor's prompts are asked for by. */
  readonly refOf: (tenant: TenantId, promptId: PromptId) => string;
  /** A grey PNG whose levels are the map's numbers. */
  readonly encodeMask: (map: LabelMap) => Promise<Uint8Array>;
}

/**
 * The `Inference` of images over predictors. Each image is a question of its own, so that what is wrong with one names it;
 * the predictor puts them together again.
 */
export function answerImages({ blobs, predictorOf, refOf, encodeMask }: AnswerImages): ImageInference {
  async function each<Row>(
    { tenant, backbone, promptId, images, signal, background = false }: ImageCall,
    ask: (predictor: ImagePredictor, requests: Asked, run: Run) => Promise<readonly Row[]>,
  ): Promise<Row[]> {
    const predictor = predictorOf(backbone);
    const prompt = refOf(tenant, promptId);
    return Promise.all(
      images.map(async (source) => {
        try {
          const image = await readImage({ blobs }, tenant, source);
          const [row] = await ask(predictor, [{ image, prompt }], { signal, background });
          return row as Row;
        } catch (error) {
          throw isInputError(error) && isOfImage(error.code) ? retold(error, { param: source.param }) : error;
        }
      }),
    );
  }

  return {
    classify: ({ topK, ...call }) =>
      each(call, (predictor, requests, run) =>
        predictor.classify(requests, topK === undefined ? run : { ...run, topK }),
      ),
    segment: ({ format, ...call }) =>
      each(call, async (predictor, requests, run) => {
        const rows = await predictor.segment(requests, run);
        return Promise.all(rows.map((row) => segmented(row, format, encodeMask)));
      }),
    detect: ({ threshold, maxObjects: most, ...call }) =>
      each(call, async (predictor, requests, run) => {
        const least = threshold === undefined ? {} : { threshold };
        const rows = await predictor.detect(requests, { ...run, most, ...least });
        return rows.map(({ image: { width, height }, objects }) => ({ width, height, objects }));
      }),
  };
}

type Asked = readonly { readonly image: Uint8Array; readonly prompt: string }[];

interface Run {
  readonly signal: AbortSignal;
  readonly background: boolean;
}

interface Segmented {
  readonly map: LabelMap;
  readonly classes: readonly { readonly label: string; readonly share: number }[];
}

interface Detected {
  readonly image: { readonly width: number; readonly height: number };
  readonly objects: readonly {
    readonly label: string;
    readonly score: number;
    readonly box: readonly [xmin: number, ymin: number, xmax: number, ymax: number];
  }[];
}

/** Of the model's prompt nothing is the caller's to mend. */
function isOfImage(code: string): boolean {
  return /^(?:image|dicom)_/.test(code);
}

async function segmented(
  { map, classes }: Segmented,
  format: MaskFormat,
  encodeMask: (map: LabelMap) => Promise<Uint8Array>,
): Promise<SegmentedImage> {
  const { width, height } = map;
  const about = { width, height, classes: classes.map(({ label, share }) => ({ label, share })) };
  if (format === "png") return { ...about, mask: await encodeMask(map) };
  const seen = new Set(map.data);
  const segments = classes.flatMap(({ label }, place): Segments => {
    if (!seen.has(place)) return [];
    const mask = maskOf(map, place);
    if (format === "polygons") {
      const polygons = outlineMask(mask, width, height);
      return [{ label, segmentation: polygons.map((corners) => [...corners]) }];
    }
    const { counts } = toCocoRle(encodeRle(mask, width, height));
    return [{ label, segmentation: { size: [height, width], counts: String(counts) } }];
  });
  return { ...about, segments };
}

type Segments = NonNullable<SegmentedImage["segments"]>;
