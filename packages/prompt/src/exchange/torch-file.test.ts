import { createWriteStream } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { pipeline } from "node:stream/promises";
import { fileURLToPath } from "node:url";
import { isCodedError } from "@kilotune/contract";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ZipFile } from "yazl";
import { openTensors } from "./recognise.ts";
import { type Folder, temporaryFolder } from "./testing.ts";
import { openTorchFile } from "./torch-file.ts";

/** Written by torch; see make.py there. A transposed tensor: its numbers lie column by column. */
const DECODER = fileURLToPath(new URL("../../../../test/exchange/goldens/tgis/decoder.pt", import.meta.url));
const NPY = fileURLToPath(new URL("../../../../test/exchange/goldens/prompt.npy", import.meta.url));

/** A pickle of one float32 tensor of protocol 2. */
function pickleOf({ dims = [2, 3], strides = [3, 1], offset = 0, length = 6 } = {}): Buffer {
  const int = (value: number) => {
    const bytes = Buffer.alloc(5, "J");
    bytes.writeInt32LE(value, 1);
    return bytes;
  };
  const text = (word: string) => Buffer.from(`X${String.fromCharCode(word.length)}\0\0\0${word}`);
  const tuple = (items: Buffer[]) => Buffer.concat([Buffer.from("("), ...items, Buffer.from("t")]);
  const storage = [
    text("storage"),
    Buffer.from("ctorch\nFloatStorage\n"),
    text("0"),
    text("cpu"),
    int(length),
  ];
  return Buffer.concat([
    Buffer.from([0x80, 2]),
    Buffer.from("ctorch._utils\n_rebuild_tensor_v2\n("),
    tuple(storage),
    Buffer.from("Q"),
    int(offset),
    tuple(dims.map(int)),
    tuple(strides.map(int)),
    Buffer.from([0x89]),
    Buffer.from("ccollections\nOrderedDict\n)RtR."),
  ]);
}

type Members = Readonly<Record<string, Buffer | { compressed: Buffer }>>;

const STORAGE = Buffer.from(Float32Array.of(1, 2, 3, 4, 5, 6).buffer);

async function zip(folder: Folder, members: Members): Promise<string> {
  const file = path.join(folder.path, "t.pt");
  const archive = new ZipFile();
  for (const [name, content] of Object.entries(members)) {
    if (Buffer.isBuffer(content)) archive.addBuffer(content, name, { compress: false });
    else archive.addBuffer(content.compressed, name, { compress: true });
  }
  archive.end();
  await pipeline(archive.outputStream, createWriteStream(file));
  return file;
}

async function codeOf(file: string): Promise<unknown> {
  try {
    await using opened = await openTorchFile(file);
    for (const name of opened.shapes.keys()) await opened.read(name);
    return undefined;
  } catch (error) {
    return isCodedError(error) ? `${error.code}: ${error.message}` : error;
  }
}

describe("openTorchFile", () => {
  it("reads what torch wrote, whatever its strides: the same numbers as NumPy's file", async () => {
    await using torch = await openTensors(DECODER);
    await using numpy = await openTensors(NPY);
    expect(torch.isBare).toBe(true);
    expect(await torch.read("tensor")).toEqual(await numpy.read("tensor"));
  });

  it("reads a part of a storage", async () => {
    await using folder = await temporaryFolder();
    const pickle = pickleOf({ dims: [2], strides: [1], offset: 3 });
    await using file = await openTorchFile(await zip(folder, { "t/data.pkl": pickle, "t/data/0": STORAGE }));
    expect([...(await file.read("tensor")).data]).toEqual([4, 5]);
  });

  it.each<[name: string, members: Members, seen: string]>([
    ["no pickle", { "t/data/0": STORAGE }, "data.pkl"],
    ["two pickles", { "a/data.pkl": pickleOf(), "b/data.pkl": pickleOf() }, "data.pkl"],
    ["no storage", { "t/data.pkl": pickleOf() }, "a storage 0"],
    [
      "a storage of another length",
      { "t/data.pkl": pickleOf(), "t/data/0": STORAGE.subarray(4) },
      "24 bytes",
    ],
    [
      "a tensor past its storage",
      { "t/data.pkl": pickleOf({ offset: 1 }), "t/data/0": STORAGE },
      "within its storage",
    ],
    [
      "strides of another rank",
      { "t/data.pkl": pickleOf({ strides: [1] }), "t/data/0": STORAGE },
      "within its storage",
    ],
    [
      "one number as 2^60",
      {
        "t/data.pkl": pickleOf({ dims: [2 ** 30, 2 ** 30], strides: [0, 0], length: 1 }),
        "t/data/0": STORAGE.subarray(0, 4),
      },
      "within its storage",
    ],
    [
      "big-endian numbers",
      { "t/data.pkl": pickleOf(), "t/data/0": STORAGE, "t/byteorder": Buffer.from("big") },
      "big",
    ],
    [
      "a zip bomb: a storage of zeros that unpacks a thousandfold",
      { "t/data.pkl": pickleOf({ length: 2 ** 22 }), "t/data/0": { compressed: Buffer.alloc(2 ** 24) } },
      "stored as it is",
    ],
    [
      "a pickle that unpacks",
      { "t/data.pkl": { compressed: pickleOf() }, "t/data/0": STORAGE },
      "stored as it is",
    ],
    ["a pickle of 3 MB", { "t/data.pkl": Buffer.alloc(3 * 2 ** 20, "N") }, "at most"],
    ["a name twice", {}, "twice"],
  ])("refuses %s", async (name, members, seen) => {
    await using folder = await temporaryFolder();
    let file = await zip(folder, members);
    if (name === "a name twice") {
      // A writer won't do it: so a name of the same length is put in place of another.
      file = await zip(folder, { "t/data.pkl": pickleOf(), "t/data/0": STORAGE, "t/data/1": STORAGE });
      const bytes = (await readFile(file)).toString("latin1").replaceAll("t/data/1", "t/data/0");
      await writeFile(file, bytes, "latin1");
    }
    expect(await codeOf(file)).toMatch(/^bad_torch_file: /);
    expect(await codeOf(file)).toContain(seen);
  });

  // Found by the fuzz below: it ended the process, where nobody could catch it.
  it("refuses a directory at 2^61", async () => {
    await using folder = await temporaryFolder();
    const sound = await readFile(await zip(folder, { "t/data.pkl": pickleOf(), "t/data/0": STORAGE }));
    const end = sound.length - 22;
    const locator = Buffer.alloc(20);
    locator.write("PK\u0006\u0007", "latin1");
    locator.writeBigUInt64LE(2n ** 61n, 8);
    locator.writeUInt32LE(1, 16);
    const file = await folder.write(
      "x.pt",
      Buffer.concat([sound.subarray(0, end), locator, sound.subarray(end)]),
    );
    expect(await codeOf(file)).toMatch(/^bad_torch_file: .*a position of 2305843009213694000/);
  });

  it("names what a hostile pickle asks for", async () => {
    await using folder = await temporaryFolder();
    const pickle = Buffer.from("\u0080\u0002cposix\nsystem\n(X\u0004\0\0\0true", "latin1");
    const file = await zip(folder, { "t/data.pkl": Buffer.concat([pickle, Buffer.from("tR.")]) });
    expect(await codeOf(file)).toMatch(/^unsafe_pickle: .*"posix\.system"/);
  });

  it("refuses torch's format before 1.6 by name", async () => {
    await using folder = await temporaryFolder();
    const file = await folder.write("old.pt", Uint8Array.of(0x80, 2, 0x8a, 10, 0x6c, 0xfc, 0x9c, 0x46));
    await expect(openTensors(file)).rejects.toThrow("before 1.6");
  });

  it("fuzz: a mutated file is read or refused with a code", async () => {
    const sound = await readFile(DECODER);
    await using folder = await temporaryFolder();
    const changes = fc.array(fc.tuple(fc.nat(sound.length - 1), fc.nat(255)), { minLength: 1, maxLength: 4 });
    await fc.assert(
      fc.asyncProperty(changes, fc.boolean(), async (flips, cut) => {
        const bytes = Buffer.from(sound);
        for (const [at, value] of flips) bytes[at] = value;
        const file = await folder.write("f.pt", cut ? bytes.subarray(0, flips[0]![0]) : bytes);
        expect(await codeOf(file)).toSatisfy(
          (code) => code === undefined || /^(bad_torch_file|unsafe_pickle): /.test(String(code)),
        );
      }),
      { numRuns: 200 },
    );
  });
});
