import { randomUUID } from "node:crypto";
import type OpenAI from "openai";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { clientOf, jobOn, upload } from "./calls.ts";
import { type Line, lineTo } from "./line.ts";
import type { Served } from "./served.ts";
import { openTinyPlace, rows, type TinyPlace } from "./tiny.ts";

/** A POST comes again: its line broke, its sender is impatient, or it is meant. */

let place: TinyPlace;
let server: Served;
let line: Line;
let key: string;
/** Straight to the server. */
let client: OpenAI;
/** Over the line, trying again as OpenAI's client does by itself. */
let patient: OpenAI;
beforeAll(async () => {
  place = await openTinyPlace();
  server = await place.start();
  key = await place.newTenant("Desk");
  await connect();
});
afterAll(async () => {
  await line[Symbol.asyncDispose]();
  await place[Symbol.asyncDispose]();
});

async function connect(): Promise<void> {
  line = await lineTo(server.url);
  client = clientOf(server, key);
  patient = clientOf(line, key, 2);
}

let seed = 0;
let file: string;
beforeEach(async () => {
  file = await upload(client, "train.jsonl", rows(8, ++seed));
});

/** Long enough not to have ended when it is asked for again. */
const job = () => jobOn(file, 200);

const jobsOnFile = async () =>
  (await client.fineTuning.jobs.list({ limit: 100 })).data.filter((each) => each.training_file === file);

async function isTheOne(id: string): Promise<void> {
  expect((await jobsOnFile()).map((each) => each.id)).toEqual([id]);
  await client.fineTuning.jobs.cancel(id);
}

describe.each([
  { how: "without a key", headers: () => ({}) },
  { how: "with a key", headers: () => ({ "idempotency-key": randomUUID() }) },
])("a job asked for again $how", ({ headers }) => {
  it("since the answer was lost on the line is one", async () => {
    line.loseNextAnswer();
    const before = line.broken();
    const { id } = await patient.fineTuning.jobs.create(job(), { headers: headers() });
    expect(line.broken()).toBe(before + 1);
    await isTheOne(id);
  });

  it("since the line broke in the middle of the request is one", async () => {
    const same = { headers: headers() };
    for (const bytes of [20, 400, 700]) {
      line.breakAfter(bytes);
      const before = line.broken();
      const { id } = await patient.fineTuning.jobs.create(job(), same);
      expect(line.broken()).toBe(before + 1);
      expect((await jobsOnFile()).map((each) => each.id)).toEqual([id]);
    }
    await isTheOne((await jobsOnFile())[0]?.id as string);
  });

  it("by many at once is one", async () => {
    const same = { headers: headers() };
    const asked = Array.from({ length: 16 }, () => client.fineTuning.jobs.create(job(), same));
    const ids = new Set((await Promise.all(asked)).map(({ id }) => id));
    expect(ids.size).toBe(1);
    await isTheOne([...ids][0] as string);
  });

  it("of a server that was killed and started anew is one", async () => {
    const same = { headers: headers() };
    const first = await client.fineTuning.jobs.create(job(), same);
    await server.kill();
    await line[Symbol.asyncDispose]();
    server = await place.start();
    await connect();
    expect((await client.fineTuning.jobs.create(job(), same)).id).toBe(first.id);
    await isTheOne(first.id);
  });
});

describe("a repeat that is meant", () => {
  it("after the job has ended is another job; with the same key it is still the first", async () => {
    const same = { headers: { "idempotency-key": randomUUID() } };
    const keyed = await client.fineTuning.jobs.create(job(), same);
    await client.fineTuning.jobs.cancel(keyed.id);
    expect((await client.fineTuning.jobs.create(job(), same)).id).toBe(keyed.id);
    const second = await client.fineTuning.jobs.create(job());
    expect(second.id).not.toBe(keyed.id);
    await client.fineTuning.jobs.cancel(second.id);
    const third = await client.fineTuning.jobs.create(job());
    expect(await jobsOnFile()).toHaveLength(3);
    await client.fineTuning.jobs.cancel(third.id);
  });

  it("with a key that came with another body is refused", async () => {
    const same = { headers: { "idempotency-key": randomUUID() } };
    const { id } = await client.fineTuning.jobs.create(job(), same);
    const other = client.fineTuning.jobs.create({ ...job(), seed: 2 }, same);
    await expect(other).rejects.toMatchObject({ status: 422, code: "idempotency_key_reused" });
    await isTheOne(id);
  });

  it("by another tenant, with the same key, is that tenant's own", async () => {
    const other = clientOf(server, await place.newTenant("Other"));
    const same = { headers: { "idempotency-key": "the-same" } };
    const mine = await client.fineTuning.jobs.create(job(), same);
    const theirs = await upload(other, "train.jsonl", rows(8, seed));
    const made = await other.fineTuning.jobs.create(jobOn(theirs, 200), same);
    expect(made.id).not.toBe(mine.id);
    for (const { id } of (await other.fineTuning.jobs.list()).data) expect(id).toBe(made.id);
    await other.fineTuning.jobs.cancel(made.id);
    await isTheOne(mine.id);
  });
});

it("a file sent again, since the answer was lost or the line broke, is one", async () => {
  const named = async (name: string) => {
    const { data } = await client.files.list({ limit: 100 });
    return data.filter(({ filename }) => filename === name).map(({ id }) => id);
  };
  const before = line.broken();
  line.loseNextAnswer();
  const first = await upload(patient, "lost.jsonl", rows(8, 1000));
  expect(await named("lost.jsonl")).toEqual([first]);
  line.breakAfter(1500);
  const second = await upload(patient, "torn.jsonl", rows(8, 1001));
  expect(await named("torn.jsonl")).toEqual([second]);
  expect(line.broken()).toBe(before + 2);
});

it("a key whose secret was lost on the line is named, and no second one is made", async () => {
  const keys = async () => (await client.get<{ data: { id: string }[] }>("/keys")).data.map(({ id }) => id);
  const before = await keys();
  line.loseNextAnswer();
  const asked = patient.post("/keys", { body: { name: "web", scopes: ["infer"] } });
  const error = await asked.catch((reason: { status: number; error: { made: string } }) => reason);
  expect(error).toMatchObject({ status: 409, code: "already_made" });
  const made = (await keys()).filter((id) => !before.includes(id));
  expect(made).toEqual([(error as { error: { made: string } }).error.made]);
  // One that never arrived is made by the retry, and shown.
  line.breakAfter(40);
  const shown = await patient.post<{ secret: string }>("/keys", {
    body: { name: "next", scopes: ["infer"] },
  });
  expect(shown.secret).toMatch(/^kt_/);
  expect(await keys()).toHaveLength(before.length + 2);
});
