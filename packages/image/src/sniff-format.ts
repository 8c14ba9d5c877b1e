export type ImageFormat = "jpeg" | "png" | "gif" | "webp" | "tiff" | "dicom";

/**
 * By the first bytes, never by a name. What isn't listed is refused before any decoder sees it: the libraries behind us
 * would also take SVG and PDF, which are programs rather than pictures.
 */
export function sniffFormat(bytes: Uint8Array): ImageFormat | null {
  const starts = (magic: readonly number[], at = 0) =>
    bytes.length >= at + magic.length && magic.every((byte, i) => bytes[at + i] === byte);
  if (starts([0xff, 0xd8, 0xff])) return "jpeg";
  if (starts([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a])) return "png";
  if (starts(ascii("GIF87a")) || starts(ascii("GIF89a"))) return "gif";
  if (starts(ascii("RIFF")) && starts(ascii("WEBP"), 8)) return "webp";
  if (starts([0x49, 0x49, 0x2a, 0x00]) || starts([0x4d, 0x4d, 0x00, 0x2a])) return "tiff";
  return starts(ascii("DICM"), 128) ? "dicom" : null;
}

function ascii(text: string): number[] {
  return [...text].map((letter) => letter.charCodeAt(0));
}
