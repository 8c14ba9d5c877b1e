import type { Metadata, Sharp, SharpOptions } from "sharp";
import type { ImageCodec, ImageHeader, RasterFormat, Source, View } from "../codec.ts";
import { imageError, unreadable } from "../image-error.ts";
import type { Colour, Pixels } from "../pixels.ts";
import { enlarge } from "../resample.ts";
import { cmykToRgb, overBackground } from "../to-rgb.ts";
import { loadSharp } from "./load-sharp.ts";

/** A picture that takes longer than this to decode was made for that. */
const MAX_SECONDS = 20;

/**
 * libvips behind the port. Colour profiles are passed over, as the peers that backbones were trained with do, so that a
 * browser and a server agree.
 */
export function createSharpCodec(): ImageCodec {
  // Nothing of one tenant's image stays behind for the next one's.
  loadSharp().cache(false);
  return {
    async inspect(bytes, format) {
      return headerOf(await settle(format, () => open(bytes).metadata()), format);
    },
    async render(source, view) {
      const { region, width, height, kernel } = view;
      // libvips shrinks; what has to grow then grows in our own code, see `enlarge`.
      const small = { width: Math.min(width, region.width), height: Math.min(height, region.height) };
      const shrunk = await shrink(source, { ...view, ...small });
      const same = small.width === width && small.height === height;
      return same ? shrunk : enlarge(shrunk, width, height, kernel);
    },
  };
}

async function shrink(source: Source, view: View): Promise<Pixels> {
  if (source.kind === "pixels") return shrinkPixels(source.pixels, view);
  const { bytes, header } = source;
  const { format } = header;
  if (header.cmyk || header.channels === 2) {
    // libvips would flatten grey over a grey background, and turn inks into colours by a profile of its own.
    return shrinkPixels(await settle(format, () => decodeOdd(bytes, header, view.background)), view);
  }
  return settle(format, async () => {
    const image = open(bytes, { autoOrient: true });
    if (header.alpha) image.flatten({ background: colourOf(view.background) });
    return finish(image, view, header.channels === 1);
  });
}

async function shrinkPixels({ width, height, channels, data }: Pixels, view: View): Promise<Pixels> {
  return finish(loadSharp()(data, { raw: { width, height, channels } }), view, channels === 1);
}

async function finish(image: Sharp, { region, width, height, kernel }: View, grey: boolean): Promise<Pixels> {
  // Said even of the whole image: it keeps sharp from the decoders' own shrinking (`fastShrinkOnLoad: false` does so only below
  // 4 x), which browsers don't offer and whose numbers are others.
  image.extract({ ...region });
  if (region.width !== width || region.height !== height)
    image.resize(width, height, { fit: "fill", kernel });
  const { data, info } = await image
    .toColourspace(grey ? "b-w" : "srgb")
    .timeout({ seconds: MAX_SECONDS })
    .raw({ depth: "uchar" })
    .toBuffer({ resolveWithObject: true });
  if (info.channels !== 1 && info.channels !== 3) throw new Error(`it gives ${info.channels} channels`);
  return { width: info.width, height: info.height, channels: info.channels, data };
}

/** CMYK, and grey with alpha: whole, upright and in colour. */
async function decodeOdd(bytes: Uint8Array, header: ImageHeader, background: Colour): Promise<Pixels> {
  const image = open(bytes, { autoOrient: true }).timeout({ seconds: MAX_SECONDS });
  if (header.cmyk) {
    if (header.channels !== 4) throw new Error("it has inks besides cyan, magenta, yellow and black");
    const { data, info } = await image
      .pipelineColourspace("cmyk")
      .toColourspace("cmyk")
      .raw({ depth: "uchar" })
      .toBuffer({ resolveWithObject: true });
    if (info.channels !== 4) throw new Error(`it gives ${info.channels} inks`);
    return cmykToRgb(data, info.width, info.height);
  }
  const { data, info } = await image
    .toColourspace("srgb")
    .ensureAlpha()
    .raw({ depth: "uchar" })
    .toBuffer({ resolveWithObject: true });
  const rgba = info.channels === 4 ? data : spreadGrey(data);
  return overBackground(rgba, info.width, info.height, background);
}

function spreadGrey(greyAlpha: Uint8Array): Uint8Array {
  const rgba = new Uint8Array(greyAlpha.length * 2);
  for (let i = 0; i < greyAlpha.length; i += 2) {
    rgba.fill(greyAlpha[i]!, i * 2, i * 2 + 3);
    rgba[i * 2 + 3] = greyAlpha[i + 1]!;
  }
  return rgba;
}

function open(bytes: Uint8Array, options: SharpOptions = {}): Sharp {
  // The size was checked by us: one limit, one message.
  return loadSharp()(bytes, { failOn: "error", limitInputPixels: false, ignoreIcc: true, ...options });
}

function headerOf(metadata: Metadata, format: RasterFormat): ImageHeader {
  if (metadata.format !== format)
    throw unreadable(format, new Error(`it is ${metadata.format}, not what its first bytes say`));
  const bits = { uchar: 8, ushort: 16 }[metadata.depth as string];
  if (bits === undefined) {
    throw imageError(
      "image_depth",
      `expected 8 or 16 bits a channel, seen ${metadata.depth}.`,
      "Convert it to 8 or 16 bits: what its numbers mean can't be told from outside.",
    );
  }
  return {
    format,
    width: metadata.autoOrient.width,
    height: metadata.autoOrient.height,
    channels: metadata.channels,
    bitsPerChannel: bits,
    cmyk: metadata.space === "cmyk",
    alpha: metadata.hasAlpha,
    orientation: metadata.orientation ?? 1,
    frames: metadata.pages ?? 1,
  };
}

async function settle<T>(format: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw unreadable(format, error);
  }
}

function colourOf([r, g, b]: Colour) {
  return { r, g, b };
}
