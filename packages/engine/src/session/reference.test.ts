import { describe, expect, it } from "vitest";
import { GraphBuilder } from "../ir/builder.ts";
import { float32, int64 } from "../tensor.ts";
import { openReferenceSession } from "./reference.ts";
import { SMALL_FEEDS, SMALL_RESULTS, smallGraph } from "./testing.ts";

describe("the reference session", () => {
  const session = openReferenceSession(smallGraph());

  it("gives float64, and the declared types on demand", async () => {
    const { y, count } = await session.run(SMALL_FEEDS);
    expect(y).toEqual({ type: "float64", dims: [2, 2], data: Float64Array.of(11, 22, 28, 38) });
    expect(count?.type).toBe("float64");
    const declared = openReferenceSession(smallGraph(), { results: "declared" });
    expect(await declared.run(SMALL_FEEDS)).toEqual(SMALL_RESULTS);
  });

  it("gives only the outputs that are asked for, and any value of the graph by its name", async () => {
    expect(Object.keys(await session.run(SMALL_FEEDS, ["count"]))).toEqual(["count"]);
    expect((await session.run(SMALL_FEEDS, ["W"])).W?.dims).toEqual([3, 2]);
    await expect(session.run(SMALL_FEEDS, ["z"])).rejects.toThrow("small has no output z");
  });

  it("refuses feeds that lack an input", async () => {
    await expect(session.run({ rows: SMALL_FEEDS.rows! })).rejects.toThrowErrorMatchingInlineSnapshot(
      `[EngineError: the graph reads ids, which the feeds lack; seen: rows]`,
    );
    await expect(session.run({})).rejects.toMatchObject({ code: "missing_input", kind: "input" });
  });

  it("refuses a rank, a size and a symbol of two sizes", async () => {
    const run = (rows: ReturnType<typeof float32>) => session.run({ ...SMALL_FEEDS, rows });
    await expect(run(float32([1, 2, 3], [3]))).rejects.toThrowErrorMatchingInlineSnapshot(
      `[EngineError: the input rows has the shape [B, 3], seen: [3]]`,
    );
    await expect(run(float32([1, 2], [1, 2]))).rejects.toThrowErrorMatchingInlineSnapshot(
      `[EngineError: the input rows has the shape [B, 3], seen: [1, 2]]`,
    );
    await expect(run(float32([1, 2, 3], [1, 3]))).rejects.toThrowErrorMatchingInlineSnapshot(
      `[EngineError: the input ids has the shape [B], seen: [2]]`,
    );
    await expect(run(float32([1, 2, 3], [1, 3]))).rejects.toMatchObject({ code: "shape_mismatch" });
  });

  it("refuses a type, but takes float64 for any float", async () => {
    const ids = float32([0, 1], [2]);
    await expect(session.run({ ...SMALL_FEEDS, ids })).rejects.toThrow(
      "the input ids is int64, seen: float32",
    );
    const rows = { type: "float64", dims: [2, 3], data: Float64Array.of(1, 0, 0, 0, 1, -1) } as const;
    expect((await session.run({ ...SMALL_FEEDS, rows })).y?.data).toEqual(Float64Array.of(11, 22, 28, 38));
  });

  it("asks for external weights by name", async () => {
    const b = new GraphBuilder("g");
    const place = { location: "weights.bin", offset: 0, length: 8 };
    b.output(b.op("Exp", [b.weight("w", "float32", [2], place)]), "y");
    const open = (weights?: () => ReturnType<typeof float32>) =>
      openReferenceSession(b.build(), weights && { weights });
    expect((await open(() => float32([0, 0], [2])).run({})).y?.data).toEqual(Float64Array.of(1, 1));
    expect(() => open()).toThrow("the reference session has no weights for w");
  });

  it("notices where an op computes another shape than was inferred", async () => {
    const b = new GraphBuilder("g");
    const x = b.input("x", "float32", ["S"]);
    b.output(b.op("Slice", [x, b.ints([0]), b.ints([5])]), "y");
    await expect(openReferenceSession(b.build()).run({ x: float32([1, 2], [2]) })).rejects.toThrow(
      "inferred [5], computed [2]\n  in: Slice_",
    );
  });

  it("holds integers exactly", async () => {
    const b = new GraphBuilder("g");
    b.output(b.op("Add", [b.input("x", "int64", [1]), b.ints([1])]), "y");
    const session = openReferenceSession(b.build(), { results: "declared" });
    const { y } = await session.run({ x: int64(BigInt64Array.of(2n ** 52n), [1]) });
    expect(y?.data).toEqual(BigInt64Array.of(2n ** 52n + 1n));
  });
});
