import { setTimeout } from "node:timers/promises";
import type OpenAI from "openai";
import { afterAll, beforeAll, expect, it } from "vitest";
import { classify, clientOf, eventsOf, jobIs, jobOn, upload } from "./calls.ts";
import { type Everything, makeEverything, newBatch } from "./everything.ts";
import { scanDisk } from "./scan-disk.ts";
import type { Served } from "./served.ts";
import { openTinyPlace, rows, type TinyPlace } from "./tiny.ts";

/** A tenant that has one of everything, and much under way, deletes itself: the disk knows nothing of it any more. */

/** In every name, label and text of the tenant that goes, and in nothing else. */
const WORD = "qzvanishing";
const NEIGHBOUR = "qznext";

let place: TinyPlace;
let server: Served;
let log = "";
let neighbourKey: string;
let neighbour: OpenAI;
let theirs: Everything;
beforeAll(async () => {
  place = await openTinyPlace();
  server = await place.start("--jobs-at-once", "2");
  server.process.stderr?.on("data", (text) => {
    log += text;
  });
  neighbourKey = await place.newTenant(NEIGHBOUR);
  neighbour = clientOf(server, neighbourKey);
  theirs = await makeEverything(neighbour, NEIGHBOUR);
}, 60_000);
afterAll(() => place[Symbol.asyncDispose]());

/** Its rows, with a text that has the word. */
const marked = (seed: number) =>
  `${rows(60, seed, [`${WORD}-x`, `${WORD}-y`, `${WORD}-z`])}{"text":"${WORD} is my card","label":"${WORD}-x"}\n`;

it("deletes itself in the middle of jobs, uploads and calls, and leaves no byte", async () => {
  const key = await place.newTenant(`${WORD} Ltd`);
  const client = clientOf(server, key);
  const all = await makeEverything(client, WORD);
  const prompt = await bytesOf(client, all.prompt);
  const words = [WORD, prompt.subarray(-64), prompt.subarray(-640, -576)];
  expect(new Set((await scanDisk(place.data, words)).map((line) => line.split("/")[0])).size).toBeGreaterThan(
    1,
  );

  const running = await newJob(client, marked(5));
  const waiting = await newJob(client, marked(6));
  await newJob(client, marked(7));
  await newBatch(client, WORD, all.model, 3000);
  await jobIs(client, running, "running");
  await jobIs(client, waiting, "running");
  while (!(await eventsOf(client, running)).some(({ type }) => type === "metrics")) await setTimeout(20);
  const ended = Promise.all([
    ...Array.from({ length: 8 }, () => untilRefused(() => classify(client, all.model, `${WORD} late`))),
    ...Array.from({ length: 8 }, () => untilRefused(() => classify(client, all.alias, ["late", "card"]))),
    ...[1, 2, 3].map((at) =>
      untilRefused(() => upload(client, `${WORD}-${at}.jsonl`, marked(Math.random()))),
    ),
    untilRefused(() => newJob(client, marked(Math.random()))),
    untilRefused(() => client.post("/keys", { body: { name: `${WORD}-more` } })),
  ]);
  await setTimeout(300);

  const answer = await client.delete("/tenant");
  expect(answer).toMatchObject({ id: all.tenant, object: "tenant", deleted: true });
  // From here on its key is nobody's: all that was under way has ended, one way or the other.
  await ended;
  expect(await scanDisk(place.data, words)).toEqual([]);
  await expect(client.models.list()).rejects.toMatchObject({ status: 401 });
  // Nothing that was under way writes it again.
  await setTimeout(2500);
  expect(await scanDisk(place.data, words)).toEqual([]);
  expect(log).toContain('"route":"/v1/tenant"');
  expect(log.split("\n").filter((line) => line.includes(WORD) || line.includes('"level":"error"'))).toEqual(
    [],
  );
}, 120_000);

it("leaves its neighbour all that it had, after a restart too", async () => {
  const check = async () => {
    expect((await neighbour.files.list()).data.map(({ id }) => id)).toContain(theirs.file);
    expect((await classify(neighbour, theirs.alias, "late")).model).toBe(theirs.model);
    expect((await eventsOf(neighbour, theirs.job)).length).toBeGreaterThan(3);
    expect(await scanDisk(place.data, [NEIGHBOUR])).not.toEqual([]);
    expect(await scanDisk(place.data, [WORD])).toEqual([]);
  };
  await check();
  expect(await server.stop()).toBe(0);
  expect(await scanDisk(place.data, [WORD])).toEqual([]);
  server = await place.start();
  neighbour = clientOf(server, neighbourKey);
  await check();
});

it("whose deletion a kill -9 cut off is gone after the next start", async () => {
  const key = await place.newTenant(`${WORD} Ltd`);
  const client = clientOf(server, key);
  await makeEverything(client, WORD);
  await newJob(client, marked(8));
  const deleting = client.delete("/tenant").catch(() => {});
  await setTimeout(Math.random() * 40);
  await server.kill();
  await deleting;
  server = await place.start();
  const again = clientOf(server, key);
  // Either it had begun, and a sweep ends it; or it hadn't, and is asked for anew.
  const status = await again.models.list().then(
    () => 200,
    (error: { status: number }) => error.status,
  );
  expect([200, 401]).toContain(status);
  if (status === 200) await again.delete("/tenant");
  await expect.poll(() => scanDisk(place.data, [WORD]), { timeout: 10_000 }).toEqual([]);
  await expect(again.models.list()).rejects.toMatchObject({ status: 401 });
}, 60_000);

async function newJob(client: OpenAI, content: string): Promise<string> {
  const file = await upload(client, `${WORD}.jsonl`, content);
  return (await client.fineTuning.jobs.create({ ...jobOn(file, 200), suffix: WORD })).id;
}

async function bytesOf(client: OpenAI, prompt: string): Promise<Buffer> {
  const answer = await client.get(`/prompts/${prompt}/content`, { __binaryResponse: true }).asResponse();
  return Buffer.from(await answer.arrayBuffer());
}

/** Again and again, until the key is nobody's. Other refusals, of a quota say, don't matter here. */
async function untilRefused(call: () => Promise<unknown>): Promise<void> {
  for (;;) {
    const status = await call().then(
      () => 200,
      (error: { status?: number }) => error.status ?? 0,
    );
    if (status === 401) return;
    if (![200, 404, 409, 429].includes(status)) throw new Error(`a call was answered ${status}`);
  }
}
