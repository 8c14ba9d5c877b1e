import { deflateSync } from "node:zlib";
import sharp from "sharp";

/** Files made to hurt a decoder, by what they are. Shared by the tests and the bench. @param jpeg a whole one */
export async function hostileFiles(jpeg: Uint8Array): Promise<Record<string, Uint8Array>> {
  const square = sharp({ create: { width: 64, height: 64, channels: 3, background: "#135" } });
  const png = await square.clone().png().toBuffer();
  const webp = await square.clone().webp().toBuffer();
  const tiff = await square.clone().tiff({ compression: "none" }).toBuffer();
  return {
    empty: new Uint8Array(),
    text: text("not a picture at all"),
    html: text("<!doctype html><title>404</title>"),
    svg: text('<svg xmlns="http://www.w3.org/2000/svg"><image href="file:///etc/passwd"/></svg>'),
    pdf: text("%PDF-1.7\n1 0 obj << /Type /Catalog >> endobj"),
    gif: Buffer.from(
      "47494638396 1ffffff7f800000000000ffffff2c00000000ffffff7f0002024401003b".replace(" ", ""),
      "hex",
    ),
    pngClaimsMuch: pngOf(60_000, 60_000, deflateSync(new Uint8Array(1000))),
    pngClaimsMore: pngOf(6000, 6000, deflateSync(new Uint8Array(1000))),
    pngOfZeros: pngOf(7000, 7000, deflateSync(new Uint8Array(7000 * 7001), { level: 9 })),
    pngTextBomb: withChunk(
      png,
      "zTXt",
      Buffer.concat([text("a\0\0"), deflateSync(new Uint8Array(50e6), { level: 9 })]),
    ),
    longStrip: pngOf(40_000, 2, deflateSync(new Uint8Array(80_002))),
    noHeader: png.subarray(0, 20),
    cutJpeg: jpeg.subarray(0, Math.floor(jpeg.length / 2)),
    cutPng: png.subarray(0, Math.floor(png.length * 0.7)),
    cutWebp: webp.subarray(0, Math.floor(webp.length / 2)),
    cutTiff: tiff.subarray(0, Math.floor(tiff.length / 2)),
    jpegInName: Buffer.concat([Buffer.from([0xff, 0xd8, 0xff, 0xe0]), text("nothing more to see")]),
    pngIsNone: Buffer.concat([png.subarray(0, 8), new Uint8Array(500)]),
    webpIsNone: text("RIFF\x10\0\0\0WEBPVP8 nothing"),
    tiffLoop: tiffLoop(),
    dicomIsNone: Buffer.concat([new Uint8Array(128), text("DICM"), new Uint8Array(300).fill(255)]),
    dicomDeep: dicomDeep(),
  };
}

function text(words: string): Buffer {
  return Buffer.from(words, "latin1");
}

function pngOf(width: number, height: number, data: Uint8Array): Buffer {
  const size = Buffer.alloc(13);
  size.writeUInt32BE(width, 0);
  size.writeUInt32BE(height, 4);
  size.set([8, 0, 0, 0, 0], 8);
  const magic = Buffer.from("89504e470d0a1a0a", "hex");
  return Buffer.concat([magic, chunk("IHDR", size), chunk("IDAT", data), chunk("IEND", new Uint8Array())]);
}

/** After the header's chunk, where decoders read it first. */
function withChunk(png: Buffer, name: string, data: Uint8Array): Buffer {
  return Buffer.concat([png.subarray(0, 33), chunk(name, data), png.subarray(33)]);
}

function chunk(name: string, data: Uint8Array): Buffer {
  const body = Buffer.concat([text(name), data]);
  const frame = Buffer.alloc(8);
  frame.writeUInt32BE(data.length, 0);
  frame.writeUInt32BE(crc32(body), 4);
  return Buffer.concat([frame.subarray(0, 4), body, frame.subarray(4)]);
}

function crc32(bytes: Uint8Array): number {
  let crc = -1;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
  }
  return ~crc >>> 0;
}

/** A directory whose next one is itself. */
function tiffLoop(): Buffer {
  const file = Buffer.alloc(64);
  file.write("II*\0", "latin1");
  file.writeUInt32LE(8, 4);
  file.writeUInt16LE(1, 8);
  file.writeUInt16LE(256, 10);
  file.writeUInt16LE(3, 12);
  file.writeUInt32LE(1, 14);
  file.writeUInt16LE(64, 18);
  file.writeUInt32LE(8, 22);
  return file;
}

/** Sequences in sequences, 100,000 deep. */
function dicomDeep(): Buffer {
  const open = Buffer.from([
    0x08, 0x00, 0x15, 0x11, 0x53, 0x51, 0, 0, 255, 255, 255, 255, 254, 255, 0, 224, 255, 255, 255, 255,
  ]);
  return Buffer.concat([new Uint8Array(128), text("DICM"), ...new Array<Buffer>(100_000).fill(open)]);
}
