import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { differentiate } from "../autodiff/gradient.ts";
import { GraphBuilder } from "../ir/builder.ts";
import { encodeOnnx } from "../onnx/encode.ts";
import { float32, int64 } from "../tensor.ts";
import { openNodeSession } from "./node.ts";
import { SMALL_FEEDS, SMALL_RESULTS, smallGraph } from "./testing.ts";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "kilotune-node-"));
});
afterAll(() => rm(folder, { recursive: true }));

describe("a session of onnxruntime-node", () => {
  it("gives what the graph computes, in the graph's types", async () => {
    const session = await openNodeSession(smallGraph());
    expect([session.inputNames, session.outputNames]).toEqual([
      ["rows", "ids"],
      ["y", "count"],
    ]);
    expect(await session.run(SMALL_FEEDS)).toEqual(SMALL_RESULTS);
    expect(await session.run(SMALL_FEEDS, ["count"])).toEqual({ count: SMALL_RESULTS.count });
    await session.release();
  });

  it("opens a graph by the path of its file too", async () => {
    const path = join(folder, "small.onnx");
    await writeFile(path, encodeOnnx(smallGraph()));
    const session = await openNodeSession(path, { threads: 1 });
    expect(await session.run(SMALL_FEEDS)).toEqual(SMALL_RESULTS);
    await session.release();
  });

  it("refuses feeds that lack an input", async () => {
    const session = await openNodeSession(smallGraph());
    await expect(session.run({ ids: SMALL_FEEDS.ids! })).rejects.toThrowErrorMatchingInlineSnapshot(
      `[EngineError: the graph reads rows, which the feeds lack; seen: ids]`,
    );
    await session.release();
  });

  it("says what it was given where a run fails", async () => {
    const session = await openNodeSession(smallGraph());
    const failed = session.run({ ...SMALL_FEEDS, rows: float32([1, 2], [1, 2]) });
    await expect(failed).rejects.toMatchObject({
      code: "session_failed",
      hint: "Inputs: rows float32[1, 2]; ids int64[2]",
    });
    const outside = session.run({ ...SMALL_FEEDS, ids: int64([0, 7], [2]) });
    await expect(outside).rejects.toMatchObject({ code: "session_failed" });
    expect(await session.run(SMALL_FEEDS)).toEqual(SMALL_RESULTS);
    await session.release();
  });

  it("fails after its release instead of crashing (known fault 57)", async () => {
    const session = await openNodeSession(smallGraph());
    await session.release();
    await expect(session.run(SMALL_FEEDS)).rejects.toMatchObject({ code: "session_failed" });
  });

  it("fails to open a file that isn't there, and one that isn't a model", async () => {
    const path = join(folder, "broken.onnx");
    await writeFile(path, "not a model");
    for (const each of [path, join(folder, "missing.onnx")])
      await expect(openNodeSession(each)).rejects.toMatchObject({ code: "session_failed", kind: "machine" });
  });

  it("gives half floats as their bits", async () => {
    const b = new GraphBuilder("half");
    b.output(b.op("Cast", [b.input("x", "float32", [2])], { to: 10 }), "y");
    const session = await openNodeSession(b.build());
    // 1 and -2 in IEEE half precision.
    const bits = Uint16Array.of(0x3c00, 0xc000);
    const { y } = await session.run({ x: float32([1, -2], [2]) });
    expect(y).toEqual({ type: "float16", dims: [2], data: bits });
    await session.release();
  });
});

it("loses no gradient where threads scatter to one place (microsoft/onnxruntime#18048)", async () => {
  const b = new GraphBuilder("scatter");
  const table = b.input("table", "float32", [4, 8]);
  const looked = b.op("Gather", [table, b.input("ids", "int64", ["N"])]);
  b.output(b.op("ReduceSum", [looked], { keepdims: 0 }), "loss");
  const session = await openNodeSession(differentiate(b.build(), { loss: "loss", wrt: ["table"] }), {
    threads: 2,
  });
  const ids = int64(new BigInt64Array(100_000).fill(3n), [100_000]);
  const feeds = { table: float32(new Float32Array(32), [4, 8]), ids };
  for (let run = 0; run < 3; run++) {
    const { "grad.table": gradient } = await session.run(feeds, ["grad.table"]);
    expect([...(gradient?.data.slice(24) ?? [])]).toEqual(Array(8).fill(100_000));
  }
  await session.release();
});
