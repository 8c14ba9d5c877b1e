import { setTimeout } from "node:timers/promises";
import type OpenAI from "openai";
import { jobIs, jobOn, point, upload } from "./calls.ts";
import { rows } from "./tiny.ts";

/** Ids of all that a tenant can have. */
export interface Everything {
  readonly file: string;
  readonly upload: string;
  readonly part: string;
  readonly job: string;
  readonly event: string;
  readonly checkpoint: string;
  readonly model: string;
  readonly checkpointModel: string;
  readonly prompt: string;
  readonly alias: string;
  readonly key: string;
  readonly batch: string;
  readonly tenant: string;
}

/** Makes one of everything. `word` is in each name that a tenant may choose; its length chooses the texts. */
export async function makeEverything(client: OpenAI, word: string): Promise<Everything> {
  const file = await upload(
    client,
    `${word}-train.jsonl`,
    rows(10, word.length, [`${word}-a`, `${word}-b`, `${word}-c`]),
  );
  // With it a job has checkpoints, whatever comes of it.
  const held = rows(4, 100 + word.length, [`${word}-a`, `${word}-b`, `${word}-c`]);
  const validation_file = await upload(client, `${word}-validation.jsonl`, held);
  const asked = {
    ...jobOn(file, 4),
    validation_file,
    suffix: `${word}-suffix`,
    metadata: { [`${word}-name`]: `${word}-value` },
  };
  const { id: job } = await client.fineTuning.jobs.create(asked);
  const ended = await jobIs(client, job, "succeeded");
  const model = ended.fine_tuned_model as string;
  const [event] = (await client.fineTuning.jobs.listEvents(job)).data;
  const [checkpoint] = (await client.fineTuning.jobs.checkpoints.list(job)).data;
  const begun = await client.uploads.create({
    bytes: 100,
    filename: `${word}-upload.jsonl`,
    mime_type: "text/plain",
    purpose: "fine-tune",
  });
  const part = await client.uploads.parts.create(begun.id, { data: new File([`${word} part`], "part") });
  await point(client, `${word}-alias`, model);
  const key = await client.post<{ id: string }>("/keys", { body: { name: `${word}-key` } });
  await client.put("/webhook", { body: { url: `https://${word}.example.com/hook` } });
  const batch = await newBatch(client, word, model);
  await batchIsDone(client, batch);
  const { id: tenant } = await client.get<{ id: string }>("/tenant");
  return {
    file,
    upload: begun.id,
    part: part.id,
    job,
    event: event?.id ?? "",
    checkpoint: checkpoint?.id ?? "",
    model,
    checkpointModel: checkpoint?.fine_tuned_model_checkpoint ?? "",
    prompt: (ended as unknown as { prompt_id: string }).prompt_id,
    alias: `${word}-alias`,
    key: key.id,
    batch,
    tenant,
  };
}

/** Its id, at once. */
export async function newBatch(client: OpenAI, word: string, model: string, requests = 1): Promise<string> {
  const body = { model, input: `${word} late` };
  const lines = Array.from({ length: requests }, (_, at) =>
    JSON.stringify({ custom_id: `${word}-${at}`, method: "POST", url: "/v1/classify", body }),
  );
  const file = new File([lines.join("\n")], `${word}-batch.jsonl`);
  const { id: input_file_id } = await client.files.create({ file, purpose: "batch" });
  const endpoint = "/v1/classify" as never;
  return (await client.batches.create({ input_file_id, endpoint, completion_window: "24h" })).id;
}

async function batchIsDone(client: OpenAI, id: string): Promise<void> {
  for (;;) {
    const { status, request_counts } = await client.batches.retrieve(id);
    if (status === "completed" && request_counts?.failed === 0) return;
    if (!["validating", "in_progress", "finalizing"].includes(status))
      throw new Error(`the batch is ${status}`);
    await setTimeout(50);
  }
}
