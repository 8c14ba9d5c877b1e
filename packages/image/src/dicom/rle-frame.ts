import { unreadable } from "../image-error.ts";

/**
 * A frame of DICOM's RLE (PS3.5 Annex G): up to 15 segments of PackBits, a segment for each byte of each sample, the most
 * significant byte first.
 *
 * @returns a number for each sample, one plane of the colours after the other
 * @throws KilotuneError `image_unreadable`
 */
export function decodeRle(bytes: Uint8Array, samples: number, bytesEach: number): Uint16Array {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const segments = bytes.length >= 64 ? view.getUint32(0, true) : 0;
  const planes = segments / bytesEach;
  if ((planes !== 1 && planes !== 3) || samples % planes !== 0)
    throw unreadable("DICOM", new Error("its RLE header fits no image"));
  const pixels = samples / planes;
  const values = new Uint16Array(samples);
  for (let segment = 0; segment < segments; segment++) {
    const from = view.getUint32(4 + 4 * segment, true);
    const plane = Math.floor(segment / bytesEach);
    const scale = 256 ** (bytesEach - 1 - (segment % bytesEach));
    const part = unpack(bytes, from, pixels);
    for (let i = 0; i < pixels; i++)
      values[plane * pixels + i] = values[plane * pixels + i]! + part[i]! * scale;
  }
  return values;
}

function unpack(bytes: Uint8Array, from: number, length: number): Uint8Array {
  const out = new Uint8Array(length);
  let [at, to] = [from, 0];
  while (to < length) {
    const control = bytes[at++];
    if (control === undefined) throw unreadable("DICOM", new Error("its RLE segment ends too early"));
    if (control === 128) continue;
    const run = Math.min(control < 128 ? control + 1 : 257 - control, length - to);
    if (control < 128) {
      if (at + run > bytes.length) throw unreadable("DICOM", new Error("its RLE segment ends too early"));
      out.set(bytes.subarray(at, at + run), to);
      at += control + 1;
    } else out.fill(bytes[at++] ?? 0, to, to + run);
    to += run;
  }
  return out;
}
