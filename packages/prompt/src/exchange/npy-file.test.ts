import { describe, expect, it } from "vitest";
import { openNpy } from "./npy-file.ts";
import { temporaryFolder } from "./testing.ts";

interface Pieces {
  readonly magic?: string;
  readonly version?: readonly number[];
  readonly descr?: string;
  readonly fortran?: string;
  readonly shape?: string;
  /** In place of one made of the three above. */
  readonly header?: string;
  /** That the file says its header has. */
  readonly length?: number;
  readonly data?: Uint8Array;
}

const NUMBERS = new Uint8Array(Float32Array.of(1, 2, 3, 4, 5, 6).buffer);

/** A file as numpy.save makes it, its pieces to be changed. */
function npy(pieces: Pieces = {}): Uint8Array {
  const { magic = "\u0093NUMPY", version = [1, 0], data = NUMBERS } = pieces;
  const { descr = "<f4", fortran = "False", shape = "(2, 3)" } = pieces;
  const { header = `{'descr': '${descr}', 'fortran_order': ${fortran}, 'shape': ${shape}, }` } = pieces;
  const text = Buffer.from(`${header}${" ".repeat(20)}\n`);
  const size = Buffer.alloc(version[0] === 1 ? 2 : 4);
  if (version[0] === 1) size.writeUInt16LE(pieces.length ?? text.length);
  else size.writeUInt32LE(pieces.length ?? text.length);
  return Buffer.concat([Buffer.from(magic, "latin1"), Buffer.from(version), size, text, data]);
}

const read = async (bytes: Uint8Array) => {
  await using folder = await temporaryFolder();
  await using file = await openNpy(await folder.write("a.npy", bytes));
  return await file.read("tensor");
};

describe("openNpy", () => {
  it.each([
    [1, 0],
    [2, 0],
    [3, 0],
  ])("reads format version %i.%i", async (...version) => {
    const { dims, data } = await read(npy({ version }));
    expect(dims).toEqual([2, 3]);
    expect([...data]).toEqual([1, 2, 3, 4, 5, 6]);
  });

  it("reads halves and doubles, and one dim with its comma", async () => {
    const doubles = new Uint8Array(Float64Array.of(1.5, -2).buffer);
    expect([...(await read(npy({ descr: "<f8", shape: "(2,)", data: doubles }))).data]).toEqual([1.5, -2]);
    expect((await read(npy({ descr: "<f2", shape: "(1, 3)", data: new Uint8Array(6) }))).type).toBe(
      "float16",
    );
  });

  it.each<[name: string, file: Pieces, seen: string]>([
    ["another format", { magic: "\u0093NUMPX" }, "NUMPY"],
    ["a version to come", { version: [4, 0] }, "4.0"],
    ["an array of Python objects, which is a pickle", { descr: "|O" }, "Python objects"],
    ["big-endian numbers", { descr: ">f4" }, ">f4"],
    ["integers", { descr: "<i8" }, "<i8"],
    ["column by column", { fortran: "True" }, "fortran_order"],
    ["fewer numbers than the shape", { shape: "(2, 4)" }, "32 bytes"],
    ["more numbers than the shape", { shape: "(2, 2)" }, "16 bytes"],
    ["a shape of 2^80", { shape: "(1099511627776, 1099511627776)" }, "bytes of numbers"],
    ["a shape that is no number", { shape: "(99999999999999999999999,)" }, "2^53"],
    ["a header past the end", { length: 9000 }, "within the file"],
    ["a header of 4 GB", { version: [2, 0], length: 2 ** 32 - 1 }, "4294967295"],
    ["a call in the header", { header: "{'descr': exit(), 'fortran_order': False, 'shape': ()}" }, "exit"],
    [
      "another key",
      { header: "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), 'x': 1}" },
      "header",
    ],
  ])("refuses %s", async (_, file, seen) => {
    await expect(read(npy(file))).rejects.toThrow(expect.objectContaining({ code: "bad_npy" }));
    await expect(read(npy(file))).rejects.toThrow(seen);
  });

  it("refuses a file that ends in its first bytes", async () => {
    await expect(read(npy().slice(0, 9))).rejects.toThrow(expect.objectContaining({ code: "bad_npy" }));
  });
});
