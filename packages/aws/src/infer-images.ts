import type { VisionBackbone } from "@kilotune/backbone";
import { KilotuneError, type FileId, type PromptId, type TenantId } from "@kilotune/contract";
import { createSharpCodec, encodeMask } from "@kilotune/image/node";
import type { StoredPrompt } from "@kilotune/prompt";
import { answerImages, type ImageInference, type ImageSource, type Service } from "@kilotune/service";
import { createVisionPredictor } from "@kilotune/serving";
import type { Answering } from "./infer.ts";
import { compact, type ImageRequest, type InferAnswer } from "./infer-wire.ts";
import { refOf } from "./prompt-source.ts";

export interface ImageOptions {
  readonly backbone: VisionBackbone;
  /** Of images that are files: read as the tenant whose they are. */
  readonly blobs: Service["blobs"];
  readonly loadPrompt: (ref: string) => Promise<StoredPrompt>;
  readonly cacheBytes: number;
}

/** Images to answers, by a session of a backbone of images. */
export async function answeringImages({ blobs, ...options }: ImageOptions): Promise<Answering> {
  const predictor = await createVisionPredictor({ ...options, codec: createSharpCodec() });
  const images = answerImages({ blobs, predictorOf: () => predictor, refOf, encodeMask });
  const { id } = options.backbone.manifest;
  return {
    async answer(request) {
      if ("inputs" in request) throw readsImages(id);
      return answerTo(images, request, id);
    },
    forget: () => predictor.forget(() => true),
  };
}

async function answerTo(
  inference: ImageInference,
  request: ImageRequest,
  backbone: string,
): Promise<InferAnswer> {
  const call = {
    tenant: request.tenant as TenantId,
    backbone,
    promptId: request.promptId as PromptId,
    images: request.images.map(sourceOf),
    // Whoever waits no longer, it is Lambda that ends the call.
    signal: new AbortController().signal,
  };
  switch (request.task) {
    case "classify_images": {
      const { topK } = request;
      const rows = await inference.classify({ ...call, ...(topK === undefined ? {} : { topK }) });
      return { classified: { ...compact(rows), tokens: 0 } };
    }
    case "segment": {
      const rows = await inference.segment({ ...call, format: request.format });
      const segmented = rows.map(({ mask, classes, segments, ...size }) => ({
        ...size,
        classes: [...classes],
        ...(mask !== undefined && { mask: Buffer.from(mask).toString("base64") }),
        ...(segments !== undefined && { segments: [...segments] }),
      }));
      return { segmented };
    }
    case "detect": {
      const { maxObjects, threshold } = request;
      const least = threshold === undefined ? {} : { threshold };
      const rows = await inference.detect({ ...call, maxObjects, ...least });
      const detected = rows.map(({ objects, ...size }) => ({
        ...size,
        objects: objects.map(({ label, score, box }) => ({
          label,
          score,
          box: [...box] as [number, number, number, number],
        })),
      }));
      return { detected };
    }
  }
}

function sourceOf(image: ImageRequest["images"][number]): ImageSource {
  const { param } = image;
  if ("file" in image) return { file: image.file as FileId, sizeBytes: 0, param };
  const bytes = Buffer.from(image.base64, "base64");
  return { bytes, sizeBytes: bytes.length, param };
}

function readsImages(backbone: string): KilotuneError {
  return new KilotuneError("wrong_input", `${backbone} reads images, saw texts`, "Send `images`.");
}
