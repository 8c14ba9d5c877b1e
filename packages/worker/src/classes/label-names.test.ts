import type { TinyBackbone } from "@kilotune/backbone/testing";
import { afterAll, beforeAll, expect, it } from "vitest";
import { labelNames } from "./label-names.ts";
import { type FrozenSessions, openFrozenSessions, prepareRows } from "./prepare.ts";
import { openTiny } from "../testing.ts";

let tiny: TinyBackbone;
let sessions: FrozenSessions;
beforeAll(async () => {
  tiny = await openTiny();
  sessions = await openFrozenSessions(tiny.backbone, 1);
});
afterAll(async () => {
  await sessions.release();
  await tiny[Symbol.asyncDispose]();
});

const namesOf = async (labels: readonly string[], texts: readonly string[]) => {
  const train = { name: "train", texts, labels: Int32Array.from(texts.keys()) };
  const rows = await prepareRows(tiny.backbone, sessions, train);
  return labelNames(tiny.backbone, sessions, labels, rows);
};

it("names that say what the rows say are learnt along, as words", async () => {
  const names = await namesOf(
    ["card_stolen", "refundMoney", "parcel-late"],
    ["card stolen", "refund money", "parcel late"],
  );
  expect(names?.texts).toEqual(["card stolen", "refund Money", "parcel late"]);
  expect([...(names?.labels ?? [])]).toEqual([0, 1, 2]);
});

it("names that say nothing, or something else, aren't", async () => {
  const texts = ["card stolen", "refund money", "parcel late"];
  expect(await namesOf(["---", "***", "???"], texts)).toBeUndefined();
  expect(await namesOf(["parcel_late", "card_stolen", "refund_money"], texts)).toBeUndefined();
});
