import type { Colour, Pixels } from "./pixels.ts";
import type { ImageFormat } from "./sniff-format.ts";

/**
 * What differs between a server and a browser: who decodes. Everything else here is the same code on both, the limits too:
 * a codec is only given files through `openFile`.
 */
export interface ImageCodec {
  /** Reads the header alone. @throws KilotuneError `image_unreadable`, `image_depth` */
  inspect(bytes: Uint8Array, format: RasterFormat): Promise<ImageHeader>;
  /**
   * The first frame, upright, 8 bits a channel, alpha laid over `background`, `region` of it scaled to `size`.
   * @throws KilotuneError `image_unreadable`
   */
  render(source: Source, view: View): Promise<Pixels>;
}

export type RasterFormat = Exclude<ImageFormat, "dicom">;

/** An encoded file with its header, or pixels that some other reader has made. */
export type Source =
  | { readonly kind: "file"; readonly bytes: Uint8Array; readonly header: ImageHeader }
  | { readonly kind: "pixels"; readonly pixels: Pixels };

export interface View {
  /** Of the upright image, in whole pixels. */
  readonly region: Region;
  readonly width: number;
  readonly height: number;
  readonly kernel: Kernel;
  readonly background: Colour;
}

export interface Region {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
}

/** linear: the triangle. cubic: Catmull-Rom. Both widen with the shrink, so that nothing is skipped. */
export type Kernel = "linear" | "cubic";

export interface ImageHeader {
  readonly format: RasterFormat;
  /** Upright, that is after the EXIF orientation. */
  readonly width: number;
  readonly height: number;
  /** Of the file: 1 grey, 2 grey with alpha, 3 colour, 4 colour with alpha or CMYK. Null where a browser doesn't say. */
  readonly channels: number | null;
  readonly bitsPerChannel: number | null;
  readonly cmyk: boolean;
  readonly alpha: boolean;
  /** EXIF: 1 upright .. 8. */
  readonly orientation: number;
  readonly frames: number;
}
