import type { ClassifyRequest, DetectRequest, ImageInput, SegmentRequest } from "@kilotune/contract/wire";
import { dataUrlOf } from "../http/data-url.ts";

/**
 * An image: a Blob (a File of a page's form, `openAsBlob` in Node) of up to some 6 MB, its `data:` URL, or the id of a file
 * that was uploaded with the purpose `vision`.
 */
export type Image = Blob | ImageInput;

type WithImages<Request> = Omit<Request, "images"> & { readonly images: readonly Image[] };

export type SegmentCall = WithImages<SegmentRequest>;
export type DetectCall = WithImages<DetectRequest>;
export type ClassifyCall =
  | (Omit<ClassifyRequest, "images" | "input"> & {
      readonly input: NonNullable<ClassifyRequest["input"]>;
    })
  | WithImages<Omit<ClassifyRequest, "input">>;

/** The call as it goes over the wire. */
export async function withImages<Call extends object>(call: Call): Promise<object> {
  const { images } = call as { readonly images?: readonly Image[] };
  if (images === undefined) return call;
  return {
    ...call,
    images: await Promise.all(
      images.map(async (image) => (image instanceof Blob ? { image: await dataUrlOf(image) } : image)),
    ),
  };
}
