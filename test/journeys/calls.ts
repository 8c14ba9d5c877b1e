import { setTimeout } from "node:timers/promises";
import OpenAI, { toFile } from "openai";
import type { Served } from "./served.ts";

/** What the journeys do with OpenAI's own client. */

export function clientOf({ url }: Pick<Served, "url">, apiKey: string, maxRetries = 0): OpenAI {
  return new OpenAI({ baseURL: `${url}/v1`, apiKey, maxRetries });
}

/** The new file's id. */
export async function upload(client: OpenAI, name: string, content: string): Promise<string> {
  const file = await toFile(Buffer.from(content), name);
  return (await client.files.create({ file, purpose: "fine-tune" })).id;
}

/** A job on the tiny backbone, as `fineTuning.jobs.create` takes it. */
export function jobOn(training_file: string, epochs = 2) {
  const method = { type: "kv", kv: { hyperparameters: { n_epochs: epochs, tokens: 2 } } };
  return { model: "tiny", training_file, seed: 1, method: method as never };
}

/** Until the job is in one of these states; fails where it fails. */
export async function jobIs(client: OpenAI, id: string, ...wanted: readonly string[]) {
  for (;;) {
    const job = await client.fineTuning.jobs.retrieve(id);
    if (wanted.includes(job.status)) return job;
    if (["succeeded", "failed", "cancelled"].includes(job.status))
      throw new Error(`the job is ${job.status}: ${JSON.stringify(job.error)}`);
    await setTimeout(100);
  }
}

/** Uploads, tunes, waits: the model's name. */
export async function tuned(client: OpenAI, content: string, epochs = 2): Promise<string> {
  const { id } = await client.fineTuning.jobs.create(
    jobOn(await upload(client, "train.jsonl", content), epochs),
  );
  return (await jobIs(client, id, "succeeded")).fine_tuned_model as string;
}

/** The oldest first. */
export async function eventsOf(client: OpenAI, job: string) {
  const events = [];
  for await (const event of client.fineTuning.jobs.listEvents(job, { limit: 20 })) events.push(event);
  return events.reverse();
}

export interface Classified {
  readonly model: string;
  readonly data: readonly {
    readonly index: number;
    readonly label: string;
    readonly score: number;
    readonly scores: Readonly<Record<string, number>>;
    readonly truncated: boolean;
  }[];
  readonly usage: { readonly prompt_tokens: number };
}

export function classify(
  client: OpenAI,
  model: string,
  input: string | readonly string[],
  more: { readonly user?: string } = {},
): Promise<Classified> {
  return client.post<Classified>("/classify", { body: { model, input, ...more } });
}

/** Points an alias to a model: its new ETag. `at`: the ETag that it has now; a new alias without. */
export async function point(client: OpenAI, alias: string, model: string, at?: string): Promise<string> {
  const headers = at === undefined ? { "if-none-match": "*" } : { "if-match": at };
  const answer = await client.put(`/aliases/${alias}`, { body: { model }, headers }).asResponse();
  await answer.text();
  return answer.headers.get("etag") as string;
}
