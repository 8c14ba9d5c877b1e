import { openNodeSession } from "@kilotune/engine/node";
import { afterAll, beforeAll, expect, it } from "vitest";
import { type LinearSession, openLinearSession } from "../head/linear-session.ts";
import { nearestNeighbours } from "./nearest-neighbours.ts";

let session: LinearSession;
beforeAll(async () => {
  session = await openLinearSession((graph) => openNodeSession(graph, { threads: 1 }), 2);
});
afterAll(() => session.release());

/** At 0, 10, 80, 90 and 100 degrees. */
const VECTORS = Float32Array.from([0, 10, 80, 90, 100].flatMap(atDegrees));
const LABELS = Int32Array.of(0, 0, 1, 1, 2);

it("the nearest votes, and more of them with their similarity", async () => {
  const queries = Float32Array.from([5, 99, 85].flatMap(atDegrees));
  expect([...(await nearestNeighbours(session, VECTORS, LABELS, 3, queries, 1))]).toEqual([0, 2, 1]);
  // At 99 degrees: class 2 votes once with 1.00, class 1 with 0.99 and 0.95.
  expect([...(await nearestNeighbours(session, VECTORS, LABELS, 3, queries, 3))]).toEqual([0, 1, 1]);
});

it("more neighbours than rows: all of them vote", async () => {
  const queries = Float32Array.from(atDegrees(45));
  expect([...(await nearestNeighbours(session, VECTORS, LABELS, 3, queries, 100))]).toEqual([0]);
});

it("a row isn't its own neighbour, even where no other is near or left", async () => {
  expect([...(await nearestNeighbours(session, VECTORS, LABELS, 3, VECTORS, 1, true))]).toEqual([
    0, 0, 1, 1, 1,
  ]);
  const two = Float32Array.from([0, 180].flatMap(atDegrees));
  expect([...(await nearestNeighbours(session, two, Int32Array.of(0, 1), 2, two, 10, true))]).toEqual([1, 0]);
});

function atDegrees(degrees: number): [number, number] {
  const angle = (degrees * Math.PI) / 180;
  return [Math.cos(angle), Math.sin(angle)];
}
