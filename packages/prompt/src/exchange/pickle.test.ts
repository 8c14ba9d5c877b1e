import { isCodedError } from "@kilotune/contract";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { MAX_PICKLE_BYTES, PickledTensor, readPickle } from "./pickle.ts";

/** Bytes of a pickle: numbers as they are, strings as their characters. */
function pickle(...parts: (number | string | readonly (number | string)[])[]): Uint8Array {
  return Uint8Array.from(
    parts
      .flat()
      .flatMap((part) => (typeof part === "number" ? [part] : [...part].map((c) => c.charCodeAt(0)))),
  );
}

const PROTO = [0x80, 2];
const global = (module: string, name: string) => ["c", module, "\n", name, "\n"];
const text = (word: string) => ["X", word.length, 0, 0, 0, word];
/** What torch 2.13 writes for a tensor [3, 4] of float32, with its storage's name and sizes to change. */
const tensor = ({
  storage = "FloatStorage",
  key = "0",
  length = 12,
  dims = [3, 4],
  strides = [4, 1],
} = {}) => [
  ...global("torch._utils", "_rebuild_tensor_v2"),
  "((",
  ...text("storage"),
  ...global("torch", storage),
  ...text(key),
  ...text("cpu"),
  "K",
  length,
  "tQK",
  0,
  "(",
  ...dims.flatMap((dim) => ["K", dim]),
  "t(",
  ...strides.flatMap((stride) => ["K", stride]),
  "t",
  0x89,
  ...global("collections", "OrderedDict"),
  ")RtR",
];

describe("readPickle", () => {
  it("reads a tensor, and a dict of tensors with what torch hangs on it", () => {
    const one = readPickle(pickle(PROTO, tensor(), "."));
    expect(one).toBeInstanceOf(PickledTensor);
    expect(one).toMatchObject({
      offset: 0,
      dims: [3, 4],
      strides: [4, 1],
      storage: { key: "0", dtype: "float32" },
    });
    const dict = [...global("collections", "OrderedDict"), ")R(", ...text("a"), ...tensor({ key: "7" }), "u"];
    const versions = ["}", ...text("_metadata"), "}sb"];
    const read = readPickle(pickle(PROTO, dict, versions, ".")) as ReadonlyMap<string, PickledTensor>;
    expect([...read.keys()]).toEqual(["a"]);
    expect(read.get("a")!.storage.key).toBe("7");
  });

  it.each<[name: string, bytes: Uint8Array, seen: string]>([
    ["os.system", pickle(PROTO, global("posix", "system"), "(", text("id"), "tR."), '"posix.system"'],
    [
      "a name on the stack",
      pickle(0x80, 4, 0x8c, 8, "builtins", 0x8c, 4, "eval", 0x93, "."),
      '"builtins.eval"',
    ],
    ["torch's own loader", pickle(PROTO, global("torch.storage", "_load_from_bytes")), "_load_from_bytes"],
    ["a dot in a name", pickle(PROTO, global("torch", "FloatStorage.__init__")), "FloatStorage.__init__"],
    ["an object", pickle(PROTO, global("collections", "OrderedDict"), ")", 0x81, "."), "NEWOBJ"],
    ["an instance", pickle(PROTO, "(i__main__\nX\n."), "INST"],
    ["an extension by number", pickle(PROTO, 0x82, 1, "."), "EXT1"],
    ["a persistent id in text", pickle(PROTO, "P0\n."), "PERSID"],
    ["attributes", pickle(PROTO, global("collections", "OrderedDict"), "}b."), "BUILD"],
    ["a call of a dict", pickle(PROTO, "})R."), "a call of something else"],
    ["a dict made of pairs", pickle(PROTO, global("collections", "OrderedDict"), "(]tR."), "OrderedDict"],
    ["another storage", pickle(PROTO, tensor({ storage: "QUInt8Storage" }), "."), '"torch.QUInt8Storage"'],
    ["a storage that is a path", pickle(PROTO, tensor({ key: "../../etc/passwd" }), "."), "something else"],
    ["no storage", pickle(PROTO, "KQ.".replace("Q", "\u0001Q")), "something else"],
  ])("refuses %s, by its name", (_, bytes, seen) => {
    expect(() => readPickle(bytes)).toThrow(expect.objectContaining({ code: "unsafe_pickle" }));
    expect(() => readPickle(bytes)).toThrow(seen);
  });

  it.each<[name: string, bytes: Uint8Array, seen: string]>([
    ["nothing", pickle(), "cut off"],
    ["no end", pickle(PROTO, tensor()), "cut off"],
    ["text past the end", pickle(PROTO, "X", 255, 255, 255, 127, "abc"), "cut off"],
    ["a frame past the end", pickle(0x80, 4, 0x95, 255, 255, 255, 255, 255, 255, 255, 127, "."), "value"],
    ["an empty stack", pickle(PROTO, "."), "another stack"],
    ["two values", pickle(PROTO, "NN."), "another stack"],
    ["a tuple without a mark", pickle(PROTO, "t."), "mark"],
    ["a memory that wasn't made", pickle(PROTO, "h", 9, "."), "none at 9"],
    ["an item without a dict", pickle(PROTO, "NNNs."), "dict"],
    ["a key twice", pickle(PROTO, "}(", text("a"), "N", text("a"), "Nu."), "twice"],
    ["bytes that aren't UTF-8", pickle(PROTO, "X", 1, 0, 0, 0, 0xff, "."), "UTF-8"],
    ["a protocol to come", pickle(0x80, 9, "N."), "9"],
    ["a number beyond 2^53", pickle(PROTO, 0x8a, 8, 255, 255, 255, 255, 255, 255, 255, 127, "."), "2^53"],
    ["a number of 200 bytes", pickle(PROTO, 0x8a, 200, "."), "200"],
  ])("refuses damage: %s", (_, bytes, seen) => {
    expect(() => readPickle(bytes)).toThrow(expect.objectContaining({ code: "bad_torch_file" }));
    expect(() => readPickle(bytes)).toThrow(seen);
  });

  it("stops a pickle that makes objects without end", () => {
    const bytes = new Uint8Array(MAX_PICKLE_BYTES).fill("}".charCodeAt(0));
    const started = performance.now();
    expect(() => readPickle(bytes)).toThrow("steps");
    expect(performance.now() - started).toBeLessThan(10_000);
  });

  it("a list that holds itself isn't walked", () => {
    expect(readPickle(pickle(PROTO, "]q", 0, "h", 0, "a."))).toHaveLength(1);
  });

  it("fuzz: mutated and random bytes give data or a coded error", () => {
    const sound = pickle(PROTO, tensor(), ".");
    const mutated = fc
      .array(fc.tuple(fc.nat(sound.length - 1), fc.nat(255)), { minLength: 1, maxLength: 5 })
      .map((changes) => {
        const bytes = sound.slice();
        for (const [at, value] of changes) bytes[at] = value;
        return bytes;
      });
    fc.assert(
      fc.property(fc.oneof(mutated, fc.uint8Array({ maxLength: 200 })), (bytes) => {
        try {
          readPickle(bytes);
        } catch (error) {
          expect(isCodedError(error) && error.code).toMatch(/^(unsafe_pickle|bad_torch_file)$/);
        }
      }),
      { numRuns: 3000 },
    );
  });
});
