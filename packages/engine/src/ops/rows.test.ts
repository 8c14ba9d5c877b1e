import { describe, expect, it } from "vitest";
import { openNodeSession } from "../session/node.ts";
import { openReferenceSession } from "../session/reference.ts";
import { ROWS } from "./rows.ts";
import { isOpName, OPS, type OpName } from "./table.ts";
import {
  asFloat32,
  differentiable,
  gradientGraph,
  type Row,
  rowFeeds,
  rowGraph,
  slopes,
  worstError,
} from "./testing.ts";

const NAMES = Object.keys(OPS) as OpName[];
const ACCEPTED = ROWS.filter((row) => row.refuses === undefined);

describe("the rows cover the table", () => {
  it.each(NAMES)("%s has a row", (name) => {
    expect(isOpName(name)).toBe(true);
    expect(ACCEPTED.some((row) => row.op === name)).toBe(true);
  });

  it.each(NAMES.filter((name) => typeof OPS[name].vjp === "function"))("%s has gradients by hand", (name) => {
    expect(ROWS.some((row) => row.op === name && row.gradients !== undefined)).toBe(true);
  });
});

describe.each(NAMES)("%s", (name) => {
  const rows = ACCEPTED.filter((row) => row.op === name).map((row, at): [string, Row] => [
    title(row, at),
    row,
  ]);

  it.each(rows)("gives the numbers by hand: %s", async (_, row) => {
    const results = await openReferenceSession(rowGraph(row)).run(rowFeeds(row, "upstream"));
    row.outputs?.forEach((wanted, index) => {
      const seen = results[`y${index}`];
      expect(seen?.dims).toEqual(wanted.dims);
      expect(worstError(seen, wanted)).toBeLessThan(1e-9);
    });
  });

  it.each(rows.filter(([, row]) => row.outputs?.some((cell) => cell.shape)))(
    "keeps its symbols: %s",
    (_, row) => {
      expect(rowGraph(row).nodes[0]?.outputs.map(({ shape }) => shape)).toEqual(
        row.outputs?.map((cell) => cell.shape ?? cell.dims),
      );
    },
  );

  // A constant of a rule, such as 2 / sqrt(pi), is a float32: gradients are exact to its rounding.
  it.each(rows.filter(([, row]) => row.gradients))("gives the gradients by hand: %s", async (_, row) => {
    const results = await openReferenceSession(gradientGraph(row)).run(rowFeeds(row, "upstream"));
    const wanted = (row.gradients ?? []).flatMap((data, index) =>
      data ? [[`grad.x${index}`, data] as const] : [],
    );
    expect(wanted.map(([grad]) => grad)).toEqual(differentiable(row).map((input) => `grad.${input}`));
    for (const [grad, data] of wanted) expect(worstError(results[grad], { data })).toBeLessThan(1e-7);
  });

  it.each(rows.filter(([, row]) => differentiable(row).length > 0 && !row.kink))(
    "has the slopes that finite differences measure: %s",
    async (_, row) => {
      const feeds = rowFeeds(row, "random");
      for (const slope of await slopes(rowGraph(row), { loss: "loss", wrt: differentiable(row), feeds }))
        expect(Math.abs(slope.measured - slope.predicted)).toBeLessThan(
          1e-7 * Math.max(1, Math.abs(slope.predicted)),
        );
    },
  );

  it.each(rows)("is what ONNX Runtime computes, gradients too: %s", async (_, row) => {
    const graph = gradientGraph(row);
    const feeds = rowFeeds(row, "random");
    const session = await openNodeSession(graph, { threads: 1 });
    const seen = await session.run(asFloat32(feeds)).finally(() => session.release());
    const wanted = await openReferenceSession(graph).run(feeds);
    for (const output of graph.outputs) {
      expect(seen[output.name]?.dims).toEqual(wanted[output.name]?.dims);
      expect(worstError(seen[output.name], wanted[output.name] as never)).toBeLessThan(1e-5);
    }
  });

  const refused = ROWS.filter((row) => row.op === name && row.refuses !== undefined);
  it.each(refused)("refuses: $refuses", (row) => {
    expect(() => rowGraph(row)).toThrow(`row: ${row.refuses}\n  in: `);
  });
});

function title(row: Row, at: number): string {
  const inputs = row.inputs.map((cell) =>
    cell === null ? "-" : `[${(cell.shape ?? cell.dims).join(", ")}]`,
  );
  const attributes = Object.keys(row.attributes ?? {});
  return `${row.op} ${at}: ${[...inputs, ...attributes].join(" ")}`;
}
