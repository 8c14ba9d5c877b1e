import { readFile } from "node:fs/promises";
import { isCodedError } from "@kilotune/contract";
import { prng } from "@kilotune/dataset";
import { IMAGENET, prepareImage } from "@kilotune/image";
import { createSharpCodec } from "@kilotune/image/node";
import { hostileFiles } from "../../packages/image/src/node/testing-hostile.ts";

/** Decodes files made to hurt, then whole ones with bytes changed; tells its parent what came of it. See bench/decode.ts. */

const count = Number(process.argv[2]);
const codec = createSharpCodec();
const spec = {
  width: 224,
  height: 224,
  fit: { kind: "letterbox" },
  kernel: "linear",
  background: [0, 0, 0],
  ...IMAGENET,
} as const;
const whole = await Promise.all(
  [
    "goldens/cmyk.jpg",
    "goldens/cmyk.tif",
    "goldens/mask-palette.png",
    "dicom/goldens/rle-frames.dcm",
    "dicom/goldens/jpeg.dcm",
  ].map((name) => readFile(new URL(`../../packages/image/src/${name}`, import.meta.url))),
);
const made = Object.values(await hostileFiles(whole[0]!));
const random = prng(0, "hostile images");
await reads(whole[2]!);
const before = process.memoryUsage.rss();
let [read, refused, peak] = [0, 0, before];
for (let i = 0; i < count; i++) {
  if (await reads(i % 3 === 0 ? made[(i / 3) % made.length]! : bent(whole[random.integer(whole.length)]!)))
    read++;
  else refused++;
  peak = Math.max(peak, process.memoryUsage.rss());
}
process.send!({ files: count, read, refused, crashes: 0, grownMb: (peak - before) / 1e6 });
process.disconnect();

/** Whether it was read. Anything but our own error ends the process, which counts as a crash. */
async function reads(bytes: Uint8Array): Promise<boolean> {
  try {
    await prepareImage(codec, bytes, spec);
    return true;
  } catch (error) {
    if (isCodedError(error) && error.kind === "input") return false;
    throw error;
  }
}

function bent(file: Uint8Array): Uint8Array {
  const bytes = Uint8Array.from(
    file.subarray(0, random.uniform() < 0.2 ? random.integer(file.length) + 1 : file.length),
  );
  for (let changes = random.integer(8); changes > 0; changes--)
    bytes[random.integer(bytes.length)] = random.integer(256);
  return bytes;
}
