import { setTimeout } from "node:timers/promises";
import type OpenAI from "openai";
import { afterAll, beforeAll, expect, it } from "vitest";
import { type Classified, classify, clientOf, point, tuned } from "./calls.ts";
import { openTinyPlace, rows, textsOf, type TinyPlace } from "./tiny.ts";

/** An alias goes from one model to another, to and fro, while clients ask through it without a pause. */

const CLIENTS = 24;
const MOVES = 12;
const TEXTS = textsOf(rows(1, 9));

interface Version {
  readonly model: string;
  /** To TEXTS. */
  readonly answer: Classified["data"];
}

let place: TinyPlace;
let client: OpenAI;
let versions: readonly [Version, Version];
beforeAll(async () => {
  place = await openTinyPlace();
  const server = await place.start();
  client = clientOf(server, await place.newTenant("Desk"));
  const version = async (seed: number, labels: readonly string[]): Promise<Version> => {
    const model = await tuned(client, rows(10, seed, labels));
    return { model, answer: (await classify(client, model, TEXTS)).data };
  };
  versions = [await version(1, ["a1", "b1", "c1"]), await version(2, ["a2", "b2", "c2"])];
});
afterAll(() => place[Symbol.asyncDispose]());

/** What an alias pointed to from `sentMs` at the earliest, from `answeredMs` in any case. */
interface Move {
  readonly to: Version;
  readonly sentMs: number;
  readonly answeredMs: number;
}

interface Seen {
  readonly startedMs: number;
  readonly endedMs: number;
  readonly answer: Classified;
}

it("loses no request, mixes none, and once the PUT is answered shows the new model alone", async () => {
  const [v1, v2] = versions;
  const moves: Move[] = [];
  const moved = async (to: Version, move: () => Promise<string>): Promise<string> => {
    const sentMs = performance.now();
    const etag = await move();
    moves.push({ to, sentMs, answeredMs: performance.now() });
    return etag;
  };
  let etag = await moved(v1, () => point(client, "live", v1.model));

  const ended = new AbortController();
  const seen: Seen[] = [];
  const asking = Promise.all(Array.from({ length: CLIENTS }, () => askUntil(ended.signal, "live", seen)));
  // So many that some have begun and ended since the move before.
  const pause = async () => {
    for (const enough = seen.length + 2 * CLIENTS; seen.length < enough; await setTimeout(5))
      ended.signal.throwIfAborted();
  };
  // One request that fails ends it all.
  asking.catch((error) => ended.abort(error));
  for (let at = 0; at < MOVES; at++) {
    await pause();
    const to = at % 2 === 0 ? v2 : v1;
    // Every fourth time the other way back.
    etag = await moved(to, () => (at % 4 === 3 ? rolledBack(etag) : point(client, "live", to.model, etag)));
  }
  await pause();
  ended.abort();
  await asking;

  const wrong = seen.filter(({ answer }) => !isWhole(answer));
  expect(wrong.slice(0, 2)).toEqual([]);
  let certain = 0;
  for (const each of seen) {
    const possible = targetsDuring(moves, each);
    if (possible.size === 1) certain++;
    expect(possible).toContain(each.answer.model);
  }
  expect(certain).toBeGreaterThan(seen.length / 3);
  expect(new Set(seen.map(({ answer }) => answer.model)).size).toBe(2);
});

it("of two who move it at once lets one win, and tells the other", async () => {
  const [v1, v2] = versions;
  let etag = await point(client, "contested", v1.model);
  for (let round = 0; round < 10; round++) {
    const tries = [v1, v2].map(async ({ model }) => ({
      model,
      etag: await point(client, "contested", model, etag),
    }));
    const ended = await Promise.allSettled(tries);
    const [won] = ended.filter((each) => each.status === "fulfilled").map(({ value }) => value);
    const lost = ended.filter((each) => each.status === "rejected").map(({ reason }) => reason.status);
    expect(lost).toEqual([412]);
    expect((await classify(client, "contested", "late")).model).toBe(won?.model);
    etag = won?.etag as string;
  }
});

it("with a canary answers every request by one of the two, and the same user by the same one", async () => {
  const [v1, v2] = versions;
  const body = { model: v1.model, canary: { model: v2.model, share: 0.5 } };
  await client.put("/aliases/careful", { body, headers: { "if-none-match": "*" } });
  const users = Array.from({ length: 40 }, (_, at) => `user-${at}`);
  const ask = () => Promise.all(users.map((user) => classify(client, "careful", TEXTS, { user })));
  const [first, second] = [await ask(), await ask()];
  expect(first.filter((answer) => !isWhole(answer))).toEqual([]);
  expect(second.map(({ model }) => model)).toEqual(first.map(({ model }) => model));
  expect(new Set(first.map(({ model }) => model)).size).toBe(2);
});

async function askUntil(ended: AbortSignal, model: string, seen: Seen[]): Promise<void> {
  while (!ended.aborted) {
    const startedMs = performance.now();
    const answer = await classify(client, model, TEXTS);
    seen.push({ startedMs, endedMs: performance.now(), answer });
  }
}

async function rolledBack(etag: string): Promise<string> {
  const answer = await client.post("/aliases/live/rollback", { headers: { "if-match": etag } }).asResponse();
  await answer.text();
  return answer.headers.get("etag") as string;
}

/** All rows by the model that it names, to the last digit. */
function isWhole({ model, data }: Classified): boolean {
  const version = versions.find((each) => each.model === model);
  return version !== undefined && JSON.stringify(data) === JSON.stringify(version.answer);
}

/** Models that the alias may have pointed to while a request was under way. */
function targetsDuring(moves: readonly Move[], { startedMs, endedMs }: Seen): Set<string> {
  const lives = moves.filter(({ sentMs }, at) => {
    const next = moves[at + 1];
    return sentMs <= endedMs && (next === undefined || next.answeredMs >= startedMs);
  });
  return new Set(lives.map(({ to }) => to.model));
}
