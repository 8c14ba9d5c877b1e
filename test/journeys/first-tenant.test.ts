import { mkdtemp, readFile, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { setTimeout } from "node:timers/promises";
import type OpenAI from "openai";
import { afterAll, beforeAll, expect, it } from "vitest";
import { classify, clientOf, eventsOf, jobIs, upload } from "./calls.ts";
import { newTenant, type Served, served } from "./served.ts";

/** What a tenant's developer does, with OpenAI's own client, against a server in its own process. */

const desk = path.resolve(import.meta.dirname, "../../examples/support-desk");

let folder: string;
let data: string;
let server: Served;
let key: string;
let client: OpenAI;
beforeAll(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), "kilotune-first-"));
  data = path.join(folder, "data");
  await start();
  key = await newTenant(server, server.adminKey ?? "", "Support desk");
  client = clientOf(server, key);
});
afterAll(async () => {
  await server.kill();
  await rm(folder, { recursive: true, force: true });
});

async function start(): Promise<void> {
  // Not the lowest priority: other tests run beside this one.
  server = await served(data, "--tune-nice", "0");
}

/** `perLabel` rows of each of the first five labels. */
async function slice(name: string, perLabel: number): Promise<string> {
  const rows = (await readFile(path.join(desk, name), "utf8")).trim().split("\n");
  const byLabel = Map.groupBy(rows, (row) => JSON.parse(row).label as string);
  const labels = [...byLabel.keys()].sort().slice(0, 5);
  return labels.flatMap((label) => (byLabel.get(label) ?? []).slice(0, perLabel)).join("\n");
}

const uploaded = async (name: string, perLabel: number) => upload(client, name, await slice(name, perLabel));

async function newJob(epochs: number): Promise<string> {
  const job = await client.fineTuning.jobs.create({
    model: "minilm-l6",
    training_file: await uploaded("train.jsonl", 8),
    validation_file: await uploaded("validation.jsonl", 4),
    suffix: "desk",
    seed: epochs,
    method: { type: "kv", kv: { hyperparameters: { n_epochs: epochs, tokens: 4 } } } as never,
  });
  expect(job).toMatchObject({ object: "fine_tuning.job", fine_tuned_model: null, finished_at: null });
  return job.id;
}

it("uploads a file, tunes on it, follows the job, asks the model, and deletes all of it", async () => {
  const id = await newJob(2);
  const job = await jobIs(client, id, "succeeded");
  expect(job.fine_tuned_model).toMatch(/^ft:minilm-l6:[a-z]{16}:desk:[a-z]{8}$/);
  expect(job.trained_tokens).toBeGreaterThan(100);

  const events = await eventsOf(client, id);
  const told = events.map(({ message }) => message);
  expect(told[0]).toMatch(/^Created the fine-tuning job/);
  expect(told.at(-1)).toContain(job.fine_tuned_model);
  expect(new Set(events.map((event) => event.id)).size).toBe(events.length);
  expect(events.filter(({ type }) => type === "metrics").map((event) => event.data)).toContainEqual(
    expect.objectContaining({ epoch: 2, step: expect.any(Number), train_loss: expect.any(Number) }),
  );

  const model = job.fine_tuned_model as string;
  const listed = [];
  for await (const each of client.models.list()) listed.push(each.id);
  expect(listed).toEqual(expect.arrayContaining(["minilm-l6", model]));

  const [row] = (await slice("test.jsonl", 1)).split("\n").map((line) => JSON.parse(line));
  const answer = await classify(client, model, [row.text, row.text]);
  expect(answer.model).toBe(model);
  expect(answer.data).toHaveLength(2);
  expect(Object.keys(answer.data[0]?.scores ?? {})).toContain(row.label);
  expect(Object.values(answer.data[0]?.scores ?? {}).reduce((a, b) => a + b)).toBeCloseTo(1, 5);
  expect(answer.data[1]).toEqual({ ...answer.data[0], index: 1 });
  expect(answer.usage.prompt_tokens).toBeGreaterThan(6);

  const { data: vectors } = await client.embeddings.create({ model: "minilm-l6", input: [row.text] });
  const length = Math.hypot(...(vectors[0]?.embedding ?? []));
  expect(vectors[0]?.embedding).toHaveLength(384);
  expect(length).toBeCloseTo(1, 5);

  expect(await client.models.delete(model)).toMatchObject({ id: model, deleted: true });
  await expect(classify(client, model, "x")).rejects.toMatchObject({
    status: 404,
  });
  for await (const file of client.files.list()) await client.files.delete(file.id);
  expect((await client.files.list()).data).toEqual([]);
}, 120_000);

it("kill -9 in the middle of a job: the next server goes on with it, to its end", async () => {
  const id = await newJob(8);
  await jobIs(client, id, "running");
  while (!(await eventsOf(client, id)).some(({ type }) => type === "metrics")) await setTimeout(50);
  await server.kill();

  await start();
  expect(server.adminKey).toBeUndefined();
  client = clientOf(server, key);
  const job = await jobIs(client, id, "succeeded");
  const told = (await eventsOf(client, id)).map(({ message }) => message);
  expect(told.filter((message) => message.startsWith("Created"))).toHaveLength(1);
  expect(told).toContain("The job goes on.");
  const answer = await classify(client, job.fine_tuned_model as string, "where is my parcel");
  expect(answer.data).toHaveLength(1);
}, 120_000);

it("told to stop it ends with 0, and is there again afterwards", async () => {
  expect(await server.stop()).toBe(0);
  await start();
  client = clientOf(server, key);
  expect((await client.fineTuning.jobs.list()).data).toHaveLength(2);
});
