import { isCodedError, KilotuneError } from "@kilotune/contract";
import type { ImageCall, ImageInference, ImageSource } from "@kilotune/service";
import { type ImageRequest, type InferAnswer, named } from "./infer-wire.ts";
import { somePieces } from "./some-pieces.ts";

/** Asks the function that holds the call's backbone. @throws KilotuneError */
export type AskInfer = (
  request: ImageRequest,
  call: Pick<ImageCall, "backbone" | "signal" | "background">,
) => Promise<Exclude<InferAnswer, { error: object }>>;

/**
 * The images' part of `invokeInference`. A call to Lambda may have 6 MB: images within a request go in pieces of that,
 * those that are files go by their names, and what comes back too large is asked for again in halves.
 */
export function invokeImages(ask: AskInfer, notUnderstood: () => KilotuneError): ImageInference {
  async function inPieces<Row>(
    call: ImageCall,
    more: RequestOf,
    rowsOf: (answer: Awaited<ReturnType<AskInfer>>) => readonly Row[] | undefined,
  ): Promise<Row[]> {
    const { tenant, promptId } = call;
    const askPiece = async (images: readonly ImageSource[]): Promise<readonly Row[]> => {
      const request = { ...more, tenant, promptId, images: images.map(carried) } as ImageRequest;
      try {
        const rows = rowsOf(await ask(request, call));
        if (rows?.length !== images.length) throw notUnderstood();
        return rows;
      } catch (error) {
        if (images.length === 1 || !isCodedError(error) || error.code !== "answer_too_large") throw error;
        const half = images.length >> 1;
        return [...(await askPiece(images.slice(0, half))), ...(await askPiece(images.slice(half)))];
      }
    };
    const answers = await somePieces(piecesOf(call.images), askPiece);
    return answers.flat();
  }

  return {
    classify: ({ topK, ...call }) =>
      inPieces(call, { task: "classify_images", ...(topK === undefined ? {} : { topK }) }, (answer) =>
        "classified" in answer ? named(answer.classified) : undefined,
      ),
    segment: ({ format, ...call }) =>
      inPieces(call, { task: "segment", format }, (answer) =>
        "segmented" in answer
          ? answer.segmented.map(({ mask, segments, ...row }) => ({
              ...row,
              ...(mask !== undefined && { mask: Buffer.from(mask, "base64") }),
              ...(segments !== undefined && { segments }),
            }))
          : undefined,
      ),
    detect: ({ threshold, maxObjects, ...call }) =>
      inPieces(
        call,
        { task: "detect", maxObjects, ...(threshold === undefined ? {} : { threshold }) },
        (answer) => ("detected" in answer ? answer.detected : undefined),
      ),
  };
}

/** A request without what all have. */
type RequestOf = ImageRequest extends infer Each
  ? Each extends ImageRequest
    ? Omit<Each, "tenant" | "promptId" | "images">
    : never
  : never;

function carried(image: ImageSource): ImageRequest["images"][number] {
  const { param } = image;
  return "file" in image
    ? { file: image.file, param }
    : { base64: Buffer.from(image.bytes).toString("base64"), param };
}

/** @throws KilotuneError `image_too_many_bytes` */
function piecesOf(images: readonly ImageSource[]): ImageSource[][] {
  const pieces: ImageSource[][] = [];
  let [carriedBytes, readBytes] = [0, 0];
  for (const image of images) {
    const isFile = "file" in image;
    if (!isFile && image.sizeBytes > CARRIED_BYTES) throw tooLarge(image);
    const piece = pieces.at(-1);
    carriedBytes += isFile ? 0 : image.sizeBytes;
    readBytes += isFile ? image.sizeBytes : 0;
    const fits = carriedBytes <= CARRIED_BYTES && readBytes <= READ_BYTES;
    if (piece !== undefined && piece.length < PIECE_IMAGES && fits) piece.push(image);
    else {
      pieces.push([image]);
      [carriedBytes, readBytes] = isFile ? [0, image.sizeBytes] : [image.sizeBytes, 0];
    }
  }
  return pieces;
}

/** Some seconds of one processor. */
const PIECE_IMAGES = 16;
/** Within a call, which may have 6 MB: base64 takes a third more. */
const CARRIED_BYTES = 4_400_000;
/** Of files: they are in the function's memory until they are answered. */
const READ_BYTES = 64_000_000;

function tooLarge({ param, sizeBytes }: ImageSource): KilotuneError {
  return new KilotuneError(
    "image_too_many_bytes",
    `${param}: expected an image of at most ${CARRIED_BYTES / 1e6} MB within a call, saw ${(sizeBytes / 1e6).toFixed(1)} MB.`,
    "Upload it with the purpose vision (POST /v1/files; above 4 MB in parts, POST /v1/uploads), and send its file_id.",
    { param },
  );
}
