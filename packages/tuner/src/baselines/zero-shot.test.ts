import { openNodeSession } from "@kilotune/engine/node";
import { expect, it } from "vitest";
import { openLinearSession } from "../head/linear-session.ts";
import { readableName, zeroShot } from "./zero-shot.ts";

it("the nearest name is the answer, by angle", async () => {
  const session = await openLinearSession((graph) => openNodeSession(graph, { threads: 1 }), 2);
  const names = Float32Array.of(1, 0, 0, 1, -1, 0);
  const queries = Float32Array.of(0.8, 0.6, 0.6, 0.8, -0.8, 0.6, 0, -1);
  expect([...(await zeroShot(session, names, queries))]).toEqual([0, 1, 2, 0]);
  await session.release();
});

it.each([
  ["card_arrival", "card arrival"],
  ["cardArrival", "card Arrival"],
  ["ATM/PIN--change", "ATM PIN change"],
  ["Überweisung_fehlt", "Überweisung fehlt"],
  ["__", ""],
])("%s reads %s", (label, words) => {
  expect(readableName(label)).toBe(words);
});
