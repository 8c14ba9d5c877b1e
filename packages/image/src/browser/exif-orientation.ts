import type { RasterFormat } from "../codec.ts";

export interface ExifOrientation {
  /** 1 upright .. 8. */
  readonly value: number;
  /** Of the value's low byte in the file; its high byte is 0. */
  readonly at: number;
}

/**
 * What the camera says of how it was held, from the EXIF block of a JPEG, PNG or WebP; null where it says nothing. Browsers
 * obey it in some formats and not in others, and can't be told not to.
 */
export function findOrientation(bytes: Uint8Array, format: RasterFormat): ExifOrientation | null {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  try {
    const block = { jpeg: inJpeg, png: inPng, webp: inWebp, gif: () => null, tiff: () => null }[format](view);
    return block === null ? null : inBlock(view, hasText(view, block, "Exif\0\0") ? block + 6 : block);
  } catch (error) {
    // A block that ends too early says nothing.
    if (error instanceof RangeError) return null;
    throw error;
  }
}

/** Segments up to the picture itself (ITU T.81, B.1). */
function inJpeg(view: DataView): number | null {
  for (let at = 2; view.getUint8(at) === 0xff; at += 2 + view.getUint16(at + 2)) {
    const marker = view.getUint8(at + 1);
    if (marker === 0xda) return null;
    if (marker === 0xe1 && hasText(view, at + 4, "Exif\0\0")) return at + 4;
  }
  return null;
}

function inPng(view: DataView): number | null {
  for (let at = 8; !hasText(view, at + 4, "IEND"); at += 12 + view.getUint32(at))
    if (hasText(view, at + 4, "eXIf")) return at + 8;
  return null;
}

function inWebp(view: DataView): number | null {
  for (let at = 12; ; ) {
    if (hasText(view, at, "EXIF")) return at + 8;
    const size = view.getUint32(at + 4, true);
    at += 8 + size + (size % 2);
  }
}

/** The first directory of a TIFF structure. */
function inBlock(view: DataView, start: number): ExifOrientation | null {
  const little = hasText(view, start, "II");
  if (!little && !hasText(view, start, "MM")) return null;
  const directory = start + view.getUint32(start + 4, little);
  for (let i = 0; i < view.getUint16(directory, little); i++) {
    const entry = directory + 2 + 12 * i;
    if (view.getUint16(entry, little) !== 0x0112) continue;
    const value = view.getUint16(entry + 8, little);
    return value >= 1 && value <= 8 ? { value, at: entry + (little ? 8 : 9) } : null;
  }
  return null;
}

/** @throws RangeError past the end */
function hasText(view: DataView, at: number, text: string): boolean {
  return [...text].every((letter, i) => view.getUint8(at + i) === letter.charCodeAt(0));
}
