import { readFileSync } from "node:fs";
import { InferenceSession, Tensor as OrtTensor } from "onnxruntime-node";
import { describe, expect, test } from "vitest";
import { printGraph } from "../ir/print.ts";
import { float32 } from "../tensor.ts";
import { decodeOnnx } from "./decode.ts";
import { encodeOnnx } from "./encode.ts";
import { external, input, model, tensorType, weight } from "./test-model.ts";

const GOLDEN_PATH = new URL("./goldens/tiny.onnx", import.meta.url);
const GOLDEN = readFileSync(GOLDEN_PATH);

describe("a file of the reference implementation", () => {
  test("is read whichever form its weights have", () => {
    expect(printGraph(decodeOnnx(GOLDEN))).toMatchInlineSnapshot(`
      "graph tiny(x: float32[B, S, 3])
        kernel: float32[3, 2] = tiny.weights @16+24
        bias: float32[2] = {1, -1}
        scale: float32[2] = {2, 3}
        axes: int64[1] = {-1}
        keep: bool[] = {1}
        other: float32[] = {9}
        half: float16[1] = {15872}
        projected: float32[B, S, 2] = MatMul(x: float32[B, S, 3], kernel: float32[3, 2])
        shifted: float32[B, S, 2] = Add(projected: float32[B, S, 2], bias: float32[2])
        normed: float32[B, S, 2], deviation.unused.1: float32[B, S, 1], deviation: float32[B, S, 1] = LayerNormalization(shifted: float32[B, S, 2], scale: float32[2]; axis=-1; epsilon=9.999999960041972e-13)
        mean: float32[B, S] = ReduceMean(normed: float32[B, S, 2], axes: int64[1]; keepdims=0)
        picked: float32[B, S] = Where(keep: bool[], mean: float32[B, S], other: float32[])
        whole: float32[1] = Cast(half: float16[1]; to=1)
        y: float32[B, S] = Mul(picked: float32[B, S], whole: float32[1])
        return y, deviation"
    `);
  });

  test("still does the same in ONNX Runtime after decoding and encoding", async () => {
    const feeds = { x: new OrtTensor("float32", [1, 2, 3, -4, 5, 6], [1, 2, 3]) };
    const session = await InferenceSession.create(GOLDEN_PATH.pathname);
    const expected = await session.run(feeds);

    const { initializers, ...graph } = decodeOnnx(GOLDEN);
    // ONNX Runtime looks for external data beside a file, and these bytes have none: the weight goes inside.
    const weights = readFileSync(new URL("./goldens/tiny.weights", import.meta.url)).subarray(16);
    const inside = initializers.map((initializer) =>
      initializer.value.name === "kernel"
        ? { ...initializer, source: float32(new Float32Array(new Uint8Array(weights).buffer), [3, 2]) }
        : initializer,
    );
    const again = await InferenceSession.create(encodeOnnx({ ...graph, initializers: inside }));
    const seen = await again.run(feeds);
    expect(seen.y!.data).toEqual(expected.y!.data);
    expect(seen.deviation!.data).toEqual(expected.deviation!.data);
  });
});

test("a dim without a name becomes a symbol of its own", () => {
  const unnamed = { name: "x", type: tensorType(1, [{}, { value: { case: "dimParam", value: "" } }]) };
  const graph = decodeOnnx(model({ input: [unnamed], node: [] }));
  expect(graph.inputs[0]!.shape).toEqual(["unnamed0.0", "unnamed0.1"]);
});

test("weights that old files list among the inputs are no inputs", () => {
  const graph = decodeOnnx(model({ input: [input("x"), input("w")], initializer: [weight()] }));
  expect(graph.inputs.map(({ name }) => name)).toEqual(["x"]);
});

test("a location, offset and length as text; the offset and the length may be left out", () => {
  const { initializers } = decodeOnnx(model({ initializer: [external({ location: "weights.bin" })] }));
  expect(initializers[0]!.source).toEqual({ location: "weights.bin", offset: 0, length: 8 });
});
