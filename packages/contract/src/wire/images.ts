import { z } from "zod";
import { Count, GivenId, ModelName } from "./values.ts";

/** Images of one call are read and answered together. */
export const MAX_IMAGES = 16;

/** Letters of an image within a body: some 6 MB of a file. What is larger is uploaded, and named by its `file_id`. */
export const MAX_DATA_URL_LENGTH = 8 * 2 ** 20;

/** Of the tenant's tokens a minute: about the work of a text of so many tokens. */
export const TOKENS_OF_IMAGE = 1000;

const ImageInput = z
  .union([
    z.strictObject({
      image: z
        .string()
        .min(1)
        .max(MAX_DATA_URL_LENGTH)
        .meta({
          description:
            "The file itself as a `data:` URL in base64: JPEG, PNG, GIF, WebP, TIFF or DICOM. Addresses are refused: nothing is fetched",
          examples: ["data:image/png;base64,iVBORw0KGgo="],
        }),
    }),
    z.strictObject({
      file_id: GivenId.meta({ description: "A file of purpose `vision`" }),
    }),
  ])
  .meta({ id: "ImageInput" });
export type ImageInput = z.infer<typeof ImageInput>;

export const Images = z
  .array(ImageInput)
  .min(1)
  .max(MAX_IMAGES)
  .meta({ description: `Up to ${MAX_IMAGES} images` });

const ImageUsage = z.object({ images: Count });

const Side = Count.meta({ description: "Pixels of the upright image, after its EXIF orientation" });

export const SegmentFormat = z.enum(["png", "rle", "polygons"]);

export const SegmentRequest = z
  .strictObject({
    model: ModelName,
    images: Images,
    format: SegmentFormat.optional().meta({
      description:
        "png (default): a grey PNG whose levels are places in `classes`. rle: COCO's compressed runs. polygons: outer edges, holes filled",
    }),
    user: z.string().max(512).optional(),
  })
  .meta({ id: "SegmentRequest" });
export type SegmentRequest = z.infer<typeof SegmentRequest>;

const Segmentation = z.union([
  z.object({ size: z.tuple([Count, Count]), counts: z.string() }),
  z.array(z.array(z.number())),
]);

export const SegmentResponse = z
  .object({
    object: z.literal("list"),
    model: z.string(),
    data: z.array(
      z.object({
        index: Count,
        width: Side,
        height: Side,
        classes: z
          .array(
            z.object({
              label: z.string(),
              share: z.number().meta({ description: "Of the image's pixels, 0 to 1" }),
            }),
          )
          .meta({ description: "All of the model's, in the order of the mask's levels" }),
        mask: z
          .string()
          .optional()
          .meta({ description: "Of format png: base64. Level 255: the model didn't see this pixel" }),
        segments: z
          .array(z.object({ label: z.string(), segmentation: Segmentation }))
          .optional()
          .meta({
            description: "Of the other formats: one for each class that is seen; `size` is [height, width]",
          }),
      }),
    ),
    usage: ImageUsage,
  })
  .meta({ id: "SegmentResponse" });
export type SegmentResponse = z.infer<typeof SegmentResponse>;

export const DetectRequest = z
  .strictObject({
    model: ModelName,
    images: Images,
    threshold: z
      .number()
      .min(0)
      .max(1)
      .optional()
      .meta({ description: "Least score; default the model's own" }),
    max_objects: z.int().min(1).max(1000).optional().meta({ description: "The surest so many; default 100" }),
    user: z.string().max(512).optional(),
  })
  .meta({ id: "DetectRequest" });
export type DetectRequest = z.infer<typeof DetectRequest>;

export const DetectResponse = z
  .object({
    object: z.literal("list"),
    model: z.string(),
    data: z.array(
      z.object({
        index: Count,
        width: Side,
        height: Side,
        objects: z
          .array(
            z.object({
              label: z.string(),
              score: z.number(),
              box: z.tuple([z.number(), z.number(), z.number(), z.number()]).meta({
                description: "[xmin, ymin, xmax, ymax] in pixels of the upright image",
              }),
            }),
          )
          .meta({ description: "The surest first" }),
      }),
    ),
    usage: ImageUsage,
  })
  .meta({ id: "DetectResponse" });
export type DetectResponse = z.infer<typeof DetectResponse>;
