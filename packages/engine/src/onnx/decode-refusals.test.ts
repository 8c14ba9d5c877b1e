import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { EngineError } from "../error.ts";
import { decodeOnnx } from "./decode.ts";
import { AttributeProto_AttributeType as AttributeType } from "./generated/onnx_pb.js";
import {
  attribute,
  external,
  initializer,
  input,
  model,
  node,
  opsets,
  tensorType,
  weight,
} from "./test-model.ts";

const GOLDEN = readFileSync(new URL("./goldens/tiny.onnx", import.meta.url));

describe("what is refused", () => {
  const CASES: readonly [what: string, bytes: Uint8Array, code: string, message: string][] = [
    ["an empty file", new Uint8Array(), "bad_onnx", "a model that names its opset"],
    ["text", new TextEncoder().encode("<!DOCTYPE html>"), "bad_onnx", "an ONNX model in protobuf"],
    ["a file cut off", GOLDEN.subarray(0, 300), "bad_onnx", "an ONNX model in protobuf"],
    ["a model without a graph", opsets(20n), "bad_onnx", "a model with a graph"],
    ["an old opset", opsets(12n), "unsupported_op", "expected opset 13 to 23, but saw opset 12"],
    ["an opset to come", opsets(24n), "unsupported_op", "opset 24"],
    ["an unknown op", node({ opType: "Loop" }), "unsupported_op", '"Loop"'],
    [
      "an op called like a part of the prototype",
      node({ opType: "constructor" }),
      "unsupported_op",
      "constructor",
    ],
    ["another domain", node({ domain: "com.microsoft" }), "unsupported_op", '"com.microsoft.Add"'],
    ["a value that nothing makes", node({ input: ["x", "y"] }), "bad_onnx", 'but saw "y"'],
    ["a node that reads itself", node({ input: ["x", "sum"] }), "bad_onnx", 'but saw "sum"'],
    ["a value made twice", node({ output: ["x"] }), "bad_onnx", "two values are named x"],
    ["an output that nothing makes", model({ output: [input("z")] }), "bad_onnx", 'but saw "z"'],
    [
      "shapes that don't fit",
      model({
        initializer: [weight({ dims: [2n, 1n, 1n] })],
        input: [input("x", 3n)],
        node: [{ opType: "MatMul", input: ["x", "w"], output: ["sum"] }],
      }),
      "shape_mismatch",
      "MatMul",
    ],
    ["a required input left out", node({ input: ["x", ""] }), "shape_mismatch", "input 1"],
    [
      "an attribute of a wrong type",
      node({ opType: "Concat", attribute: [{ name: "axis", type: AttributeType.FLOAT }] }),
      "shape_mismatch",
      "axis",
    ],
    ["a graph as an attribute", attribute({ type: AttributeType.GRAPH }), "unsupported_op", "GRAPH"],
    ["an attribute without a type", attribute({}), "unsupported_op", "UNDEFINED"],
    [
      "an attribute twice",
      node({ attribute: [{ name: "a" }, { name: "a" }] }),
      "bad_onnx",
      "each attribute once",
    ],
    ["an int past 2^53", attribute({ type: AttributeType.INT, i: 2n ** 53n }), "bad_onnx", "below 2^53"],
    [
      "a string that isn't UTF-8",
      attribute({ type: AttributeType.STRING, s: Uint8Array.of(0xff) }),
      "bad_onnx",
      "UTF-8",
    ],
    [
      "a tensor attribute without a tensor",
      attribute({ type: AttributeType.TENSOR }),
      "bad_onnx",
      "to hold a tensor",
    ],
    [
      "a tensor attribute in another file",
      attribute({ type: AttributeType.TENSOR, t: external({ location: "a" }) }),
      "bad_onnx",
      "external data",
    ],
    ["an input without a name", model({ input: [input("")] }), "bad_onnx", "a name for each input"],
    ["an input that is no tensor", model({ input: [{ name: "x" }] }), "bad_onnx", "to be a tensor"],
    [
      "an input without a shape",
      model({ input: [{ name: "x", type: tensorType(1) }] }),
      "bad_onnx",
      "to have a shape",
    ],
    [
      "an input of strings",
      model({ input: [{ name: "x", type: tensorType(8, []) }] }),
      "bad_onnx",
      "but saw 8",
    ],
    ["a negative dim of an input", model({ input: [input("x", -1n)] }), "bad_onnx", "dims >= 0"],
    [
      "a dim of symbols by the thousand",
      model({
        input: [
          { name: "x", type: tensorType(1, [{ value: { case: "dimParam", value: "a+".repeat(1000) } }]) },
        ],
      }),
      "bad_onnx",
      "short dims",
    ],
    [
      "a dim that is no expression",
      model({ input: [{ name: "x", type: tensorType(1, [{ value: { case: "dimParam", value: "a/b" } }]) }] }),
      "bad_onnx",
      "a/b",
    ],
    ["a negative dim", initializer(weight({ dims: [-2n] })), "bad_onnx", "dims >= 0"],
    [
      "dims whose product wraps around at 2^64",
      initializer(weight({ dims: [2n ** 32n, 2n ** 32n], rawData: new Uint8Array() })),
      "bad_onnx",
      "at most 2^53 bytes",
    ],
    [
      "too few bytes",
      initializer(weight({ rawData: new Uint8Array(7) })),
      "bad_onnx",
      "to have 8 bytes, but saw 7",
    ],
    [
      "too few numbers",
      initializer(weight({ rawData: new Uint8Array(), floatData: [1] })),
      "bad_onnx",
      "to have 8 bytes, but saw 4",
    ],
    [
      "bytes and numbers",
      initializer(weight({ rawData: new Uint8Array(4), floatData: [1] })),
      "bad_onnx",
      "two fields",
    ],
    [
      "numbers in the wrong field",
      initializer(weight({ rawData: new Uint8Array(), int32Data: [1, 2] })),
      "bad_onnx",
      "but saw 0",
    ],
    [
      "a number past its type",
      initializer(weight({ dataType: 3, rawData: new Uint8Array(), int32Data: [1, 128] })),
      "bad_onnx",
      "int8 numbers, but saw 128",
    ],
    [
      "a bool that is 2",
      initializer(weight({ dataType: 9, rawData: Uint8Array.of(0, 2) })),
      "bad_onnx",
      "0 and 1",
    ],
    ["an unknown element type", initializer(weight({ dataType: 16 })), "bad_onnx", "but saw 16"],
    [
      "two tensors of one name",
      model({ initializer: [weight(), weight()] }),
      "bad_onnx",
      "two values are named w",
    ],
    ...["", ".", "..", "../w", "/etc/passwd", "a/b", "a\\b", "C:w", "a\0", "a\n", "a".repeat(256)].map(
      (location): [string, Uint8Array, string, string] => [
        `external data at ${JSON.stringify(location).slice(0, 20)}`,
        initializer(external({ location })),
        "bad_onnx",
        "a file beside the model",
      ],
    ),
    ["external data without a location", initializer(external({})), "bad_onnx", "a file beside the model"],
    ["an offset below 0", initializer(external({ location: "w", offset: "-1" })), "bad_onnx", "as offset"],
    [
      "an offset in hexadecimal",
      initializer(external({ location: "w", offset: "0x10" })),
      "bad_onnx",
      "as offset",
    ],
    [
      "an offset past 2^53",
      initializer(external({ location: "w", offset: "9007199254740993" })),
      "bad_onnx",
      "as offset",
    ],
    [
      "a length that isn't the shape's",
      initializer(external({ location: "w", length: "9" })),
      "bad_onnx",
      "a length of 9",
    ],
    [
      "a key twice",
      initializer({ ...external({ location: "w" }), externalData: [{ key: "a" }, { key: "a" }] }),
      "bad_onnx",
      "once",
    ],
  ];

  test.each(CASES)("%s", (_what, bytes, code, message) => {
    const error = refusal(bytes);
    expect(error.message).toContain(message);
    expect(error.code).toBe(code);
    expect(error.hint).not.toBe("");
  });

  test("a file over the cap", () => {
    expect(() => decodeOnnx(GOLDEN, { sizeBytes: 100 })).toThrow("at most 100 bytes");
  });
});

test("fuzz: damage ends in a refusal or in a graph", () => {
  const changes = fc.array(fc.tuple(fc.nat(GOLDEN.length - 1), fc.nat(255)), { minLength: 1, maxLength: 5 });
  fc.assert(
    fc.property(changes, fc.option(fc.nat(GOLDEN.length)), (spots, cut) => {
      const damaged = new Uint8Array(GOLDEN).slice(0, cut ?? GOLDEN.length);
      for (const [at, byte] of spots) if (at < damaged.length) damaged[at] = byte;
      try {
        decodeOnnx(damaged);
      } catch (error) {
        if (!(error instanceof EngineError)) throw error;
        expect(["bad_onnx", "unsupported_op", "shape_mismatch"]).toContain(error.code);
      }
    }),
    { numRuns: 3000 },
  );
});

function refusal(bytes: Uint8Array): EngineError {
  try {
    decodeOnnx(bytes);
  } catch (error) {
    if (error instanceof EngineError) return error;
    throw error;
  }
  throw new Error("nothing was refused");
}
