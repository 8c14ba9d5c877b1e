import { createHash } from "node:crypto";
import { setTimeout } from "node:timers/promises";
import type OpenAI from "openai";
import { expect } from "vitest";
import { classify, eventsOf, jobIs, jobOn, upload } from "./calls.ts";
import { type Everything, makeEverything, newBatch } from "./everything.ts";
import { rows } from "./tiny.ts";

/** A tenant that has one of everything, and much under way, deletes itself: the same wherever its things lie. */

/** In every name, label and text of the tenant that goes, and in nothing else. */
export const WORD = "qzvanishing";
export const NEIGHBOUR = "qznext";

/** Its rows, with a text that has the word. */
export const marked = (seed: number) =>
  `${rows(60, seed, [`${WORD}-x`, `${WORD}-y`, `${WORD}-z`])}{"text":"${WORD} is my card","label":"${WORD}-x"}\n`;

/** Makes one of everything, and answers with it what must be nowhere afterwards: words, numbers of its prompt, hashes of its keys. */
export async function fill(client: OpenAI, key: string) {
  const all = await makeEverything(client, WORD);
  const { secret } = await client.post<{ secret: string }>("/keys", { body: { name: `${WORD}-second` } });
  const prompt = await bytesOf(client, all.prompt);
  const words = [WORD, prompt.subarray(-64), prompt.subarray(-640, -576), hashOf(key), hashOf(secret)];
  return { all, words };
}

/** Two jobs run, one waits, a batch runs, calls and uploads come and come: then it deletes itself. Ends when all have heard. */
export async function deleteInTheMiddle(client: OpenAI, all: Everything): Promise<void> {
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
}

export async function newJob(client: OpenAI, content: string): Promise<string> {
  const file = await upload(client, `${WORD}.jsonl`, content);
  return (await client.fineTuning.jobs.create({ ...jobOn(file, 200), suffix: WORD })).id;
}

async function bytesOf(client: OpenAI, prompt: string): Promise<Buffer> {
  const answer = await client.get(`/prompts/${prompt}/content`, { __binaryResponse: true }).asResponse();
  return Buffer.from(await answer.arrayBuffer());
}

/** As it is kept: of the secret's last part. */
function hashOf(key: string): string {
  return createHash("sha256").update(key.slice(-43)).digest("hex");
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
