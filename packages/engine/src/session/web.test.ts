import { expect, it } from "vitest";
import { GraphBuilder } from "../ir/builder.ts";
import { encodeOnnx } from "../onnx/encode.ts";
import { float32 } from "../tensor.ts";
import { openNodeSession } from "./node.ts";
import { SMALL_FEEDS, SMALL_RESULTS, smallGraph } from "./testing.ts";
import { openWebSession } from "./web.ts";

it("gives what the other sessions give (known fault 36: there is no backend for the browser but WebAssembly)", async () => {
  const session = await openWebSession(encodeOnnx(smallGraph()));
  expect(await session.run(SMALL_FEEDS)).toEqual(SMALL_RESULTS);
  await session.release();
});

it("queues parallel runs, and goes on after one that failed (known fault 56)", async () => {
  const session = await openWebSession(encodeOnnx(smallGraph()));
  const runs = Array.from({ length: 10 }, (_, at) =>
    session.run({ ...SMALL_FEEDS, rows: float32([at, 0, 0, 0, at, 0], [2, 3]) }),
  );
  const failing = session.run({});
  const after = session.run(SMALL_FEEDS);
  await expect(failing).rejects.toMatchObject({ code: "missing_input" });
  const results = await Promise.all(runs);
  results.forEach(({ y }, at) => {
    expect(y?.data).toEqual(Float32Array.of(at + 10, 2 * at + 20, 3 * at + 30, 4 * at + 40));
  });
  expect(await after).toEqual(SMALL_RESULTS);
  await session.release();
});

it("is opened again after its release, as often as one likes (known fault 57)", async () => {
  for (let round = 0; round < 5; round++) {
    const session = await openWebSession(encodeOnnx(smallGraph()));
    const other = await openWebSession(encodeOnnx(smallGraph()));
    await session.release();
    await expect(session.run(SMALL_FEEDS)).rejects.toMatchObject({ code: "session_failed" });
    expect(await other.run(SMALL_FEEDS)).toEqual(SMALL_RESULTS);
    await other.release();
  }
});

it("gives numbers where a row is masked as a whole, the same as elsewhere (known fault 27)", async () => {
  const b = new GraphBuilder("masked");
  const scores = b.input("scores", "float32", ["B", 3]);
  const mask = b.input("mask", "float32", ["B", 3]);
  const bias = b.op("Mul", [b.op("Sub", [mask, b.scalar(1)]), b.scalar(1e9)]);
  b.output(b.op("Softmax", [b.op("Add", [scores, bias])], { axis: -1 }), "y");
  const graph = b.build();
  const feeds = {
    scores: float32([1, 2, 3, 1, 2, 3], [2, 3]),
    mask: float32([0, 0, 0, 1, 0, 1], [2, 3]),
  };
  for (const open of [() => openWebSession(encodeOnnx(graph)), () => openNodeSession(graph)]) {
    const session = await open();
    const { y } = await session.run(feeds);
    const shares = [...(y!.data as Float32Array)];
    // A score is lost beside a billion: all positions count the same.
    [1 / 3, 1 / 3, 1 / 3, 0.11920292, 0, 0.88079708].forEach((share, at) => {
      expect(shares[at]).toBeCloseTo(share, 6);
    });
    await session.release();
  }
});

it("reads weights from the files that the model names", async () => {
  const b = new GraphBuilder("external");
  const place = { location: "weights.bin", offset: 4, length: 8 };
  b.output(b.op("Add", [b.input("x", "float32", [2]), b.weight("w", "float32", [2], place)]), "y");
  const files = new Map([["weights.bin", new Uint8Array(Float32Array.of(9, 1, 2).buffer)]]);
  const session = await openWebSession(encodeOnnx(b.build()), files);
  expect((await session.run({ x: float32([10, 20], [2]) })).y?.data).toEqual(Float32Array.of(11, 22));
  await session.release();
});

it("fails to open what isn't a model", async () => {
  await expect(openWebSession(Uint8Array.of(1, 2, 3))).rejects.toMatchObject({ code: "session_failed" });
});
