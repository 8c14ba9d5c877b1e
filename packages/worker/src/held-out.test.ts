import { readFile } from "node:fs/promises";
import { decodePrompt } from "@kilotune/prompt";
import { similarTexts, stratifiedFolds, stratifiedSplit } from "@kilotune/dataset";
import { describe, expect, it } from "vitest";
import { groupsOf, holdOut } from "./held-out.ts";
import { reproducePrompt } from "./reproduce.ts";
import { runTuneJob } from "./run-tune-job.ts";
import { jsonl, tinyPlace, toyJob, toyRows, withoutValidation } from "./testing.ts";

interface Rows {
  readonly name: string;
  readonly count: number;
  readonly rows: readonly number[];
}

const CLASSES = 3;
const numbered = (count: number): Rows => ({ name: "train.jsonl", count, rows: [...Array(count).keys()] });
const holding = {
  strataOf: ({ rows }: Rows) => Int32Array.from(rows, (row) => row % CLASSES),
  pick: (file: Rows, wanted: readonly number[]) => ({
    name: file.name,
    count: wanted.length,
    rows: wanted.map((at) => file.rows[at] as number),
  }),
};

describe("held-out rows", () => {
  it.each([90, 600])("of %d rows part no rows that belong together", (count) => {
    const groups = Int32Array.from({ length: count }, (_, row) => (row < count / 3 ? row % 15 : row));
    const { folds } = holdOut(numbered(count), undefined, 1, holding, groups);
    const plain = holdOut(numbered(count), undefined, 1, holding);
    const parted = ({ train, heldOut }: (typeof folds)[number]) => {
      const learnt = new Set(train.rows.map((row) => groups[row]));
      return heldOut.rows.filter((row) => learnt.has(groups[row])).length;
    };
    expect(folds).toHaveLength(plain.folds.length);
    expect(folds.map(parted)).toEqual(folds.map(() => 0));
    for (const fold of plain.folds) expect(parted(fold)).toBeGreaterThan(0);
  });

  it("without any such rows are those of before, to the row", () => {
    for (const count of [90, 600]) {
      const { folds } = holdOut(numbered(count), undefined, 4, holding);
      const strata = holding.strataOf(numbered(count));
      const folded = stratifiedFolds(strata, 5, 4);
      const expected =
        count > 200
          ? [stratifiedSplit(strata, 0.2, 4).heldOut]
          : [...new Set(folded)].map((fold) => [...strata.keys()].filter((row) => folded[row] === fold));
      expect(folds.map(({ heldOut }) => heldOut.rows)).toEqual(expected);
    }
    const texts = toyRows(10, 1).map(({ text }) => text);
    const data = { validation: undefined, together: () => similarTexts(texts) };
    expect(groupsOf({}, data)).toBeUndefined();
    expect(groupsOf({ together: true }, data)).toBeUndefined();
  });

  it.each([90, 600])("of %d rows that are nearly all alike are parted: better that than none", (count) => {
    const groups = Int32Array.from({ length: count }, (_, row) => row % CLASSES);
    expect(holdOut(numbered(count), undefined, 1, holding, groups)).toEqual(
      holdOut(numbered(count), undefined, 1, holding),
    );
  });
});

const place = tinyPlace();

// Each is said twice, in other letters.
const TWICE = toyRows(5, 1).flatMap(({ text, label }) => [
  { text, label },
  { text: text.toUpperCase(), label },
]);
const job = () =>
  withoutValidation(
    toyJob(place.tiny, place.folder, { train: jsonl("train.jsonl", TWICE), publishAsked: true, epochs: 1 }),
  );
const promptOf = async () => new Uint8Array(await readFile(job().out));

it("a receipt tells of rows that were held out together, and one of before of none: both are reproduced", async () => {
  await runTuneJob(job());
  const now = await promptOf();
  await runTuneJob({ ...job(), together: false });
  const before = await promptOf();
  const askedOf = async (bytes: Uint8Array) => (await decodePrompt(bytes)).prompt.manifest.receipt?.asked;
  expect(await askedOf(now)).toMatchObject({ together: true });
  expect(await askedOf(before)).not.toHaveProperty("together");
  const { backbone, train, test } = job();
  for (const bytes of [now, before])
    expect(await reproducePrompt(bytes, backbone, { train, ...(test && { test }) })).toMatchObject({
      same: true,
    });
  // Other rows were held out: the two are of different splits.
  const heldOut = async (bytes: Uint8Array) => (await decodePrompt(bytes)).prompt.manifest.metrics.heldOut;
  expect(await heldOut(now)).not.toEqual(await heldOut(before));
});
