import { z } from "zod";
import { integerUpTo, name, positiveInteger, sha256 } from "./fields.ts";

/** The frozen model that a prompt was tuned on, and on which alone it means anything. */
const shared = {
  /** For people; what binds are the hashes. Never looked up as a path or an address. */
  id: name,
  weightsSha256: sha256,
  preprocessingSha256: sha256,
  licence: name,
  layers: positiveInteger,
  hiddenSize: positiveInteger,
  /** Key and value heads of a layer. */
  heads: positiveInteger,
  headDim: positiveInteger,
};

/** Reads texts. */
export const textBackbone = z.strictObject({ ...shared, tokenizerSha256: sha256 });

/** As @kilotune/backbone bounds them. */
export const MAX_IMAGE_SIDE = 4096;

const side = integerUpTo(MAX_IMAGE_SIDE);

/** Reads images. Their size is within `preprocessingSha256`, too; a head's grid follows from it. */
export const imageBackbone = z
  .strictObject({
    ...shared,
    /** Of the tensor, in pixels. */
    image: z.strictObject({ width: side, height: side }),
    /** Of a square patch, in pixels. */
    patchSize: integerUpTo(256),
  })
  .refine(
    ({ image, patchSize }) => image.width % patchSize === 0 && image.height % patchSize === 0,
    "expected an image whose sides are multiples of the patch size",
  );

export interface TextBackbone extends z.infer<typeof textBackbone> {}
export interface ImageBackbone extends z.infer<typeof imageBackbone> {}
