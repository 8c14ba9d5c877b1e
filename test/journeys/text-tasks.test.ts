import type { JobCreate } from "@kilotune/contract/wire";
import { Kilotune } from "@kilotune/sdk";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openTinyPlace, rows, type TinyPlace } from "./tiny.ts";

/**
 * What a text is asked besides its one label: each task from rows to a model that answers, by the SDK, over a server that is
 * a process of its own.
 */

let place: TinyPlace;
let own: Kilotune;
beforeAll(async () => {
  place = await openTinyPlace();
  const { url } = await place.start();
  own = new Kilotune({ baseURL: url, apiKey: await place.newTenant("Desk"), maxRetries: 0 });
}, 120_000);
afterAll(() => place[Symbol.asyncDispose]());

interface Toy {
  readonly text: string;
  readonly label: string;
}

function toys(seed: number): Toy[] {
  const all = rows(8, seed).trimEnd().split("\n");
  return all.map((row) => JSON.parse(row) as Toy);
}

async function upload(filename: string, lines: readonly string[]): Promise<string> {
  const file = new Blob([lines.map((line) => `${line}\n`).join("")]);
  return (await own.files.create({ file, filename, purpose: "fine-tune" })).id;
}

/** A model of two epochs, with what its job told. */
async function tuned(task: NonNullable<JobCreate["task"]>, linesOf: (seed: number) => string[]) {
  const training_file = await upload("train.jsonl", linesOf(1));
  const validation_file = await upload("validation.jsonl", linesOf(2));
  const method = { type: "kv", kv: { hyperparameters: { n_epochs: 2, tokens: 2 } } } as const;
  const job = await own.jobs.create({ model: "tiny", task, training_file, validation_file, method });
  const told: string[] = [];
  for await (const { message } of own.jobs.watch(job.id)) told.push(message);
  const { fine_tuned_model: model, error } = await own.jobs.get(job.id);
  expect(error).toBeNull();
  return { model: model as string, told: told.join("\n") };
}

describe("several labels a text", () => {
  it("are learnt, and each is given from its own threshold on", async () => {
    const { model, told } = await tuned("multi_label", (seed) =>
      toys(seed).map(({ text, label }, at) =>
        JSON.stringify({ text, labels: at % 4 === 0 ? [label, "urgent"] : [label] }),
      ),
    );
    expect(told).toMatch(/As served, the prompt answers \d+ of 24 rows/);
    const asked = toys(3);
    const { data } = await own.classify({ model, input: asked.map(({ text }) => text) });
    for (const { scores, labels = [] } of data) {
      expect(Object.keys(scores)).toHaveLength(4);
      for (const given of labels) expect(given.score).toBe(scores[given.label]);
    }
    const right = data.filter(({ labels }, at) => labels!.some(({ label }) => label === asked[at]!.label));
    // The backbone's weights are random: that is more than chance, no more.
    expect(right.length).toBeGreaterThan(asked.length / 3);
    const [single] = (await own.classify({ model, input: asked[0]!.text, top_k: 1 })).data;
    expect(single!.labels).toEqual(data[0]!.labels);
  });
});

describe("texts of none of the labels", () => {
  const withNone = (seed: number) => {
    const none = toys(seed)
      .slice(0, 6)
      .map(({ text }) => ({ text: `again still today ${text.length}`, label: "none" }));
    return [...toys(seed), ...none].map((row) => JSON.stringify(row));
  };

  it("are learnt by their label, which the model never gives", async () => {
    const model = "tiny";
    const training_file = await upload("train.jsonl", withNone(1));
    const out_of_scope = { label: "none" };
    const made = await own.jobs.create({
      model,
      training_file,
      out_of_scope,
      hyperparameters: { n_epochs: 2 },
    });
    expect(made.out_of_scope).toEqual(out_of_scope);
    for await (const _ of own.jobs.watch(made.id));
    const { fine_tuned_model, error } = await own.jobs.get(made.id);
    expect(error).toBeNull();
    const { data } = await own.classify({
      model: fine_tuned_model as string,
      input: ["stolen card", "again still today 9"],
    });
    for (const { out_of_scope: isOut, scores } of data) {
      expect(typeof isOut).toBe("boolean");
      expect(Object.keys(scores).sort()).toEqual(["card", "parcel", "refund"]);
    }
  });

  it("that the file doesn't have end the job with the file named; other tasks have none", async () => {
    const model = "tiny";
    const training_file = await upload("train.jsonl", withNone(1));
    const { id } = await own.jobs.create({ model, training_file, out_of_scope: { label: "nowhere" } });
    for await (const _ of own.jobs.watch(id));
    const { error } = await own.jobs.get(id);
    expect(error).toMatchObject({ code: "invalid_training_file", param: "training_file" });
    expect(error?.message).toContain('"nowhere"');
    await expect(
      own.jobs.create({ model, training_file, task: "retrieval", out_of_scope: {} }),
    ).rejects.toMatchObject({ status: 400, param: "out_of_scope" });
  });
});

describe("pairs of texts", () => {
  it("are learnt, and a single text is refused", async () => {
    const { model } = await tuned("classification", (seed) => {
      const all = toys(seed);
      return all.map(({ text, label }, at) => {
        const other = all[(at * (1 + (at % 2) * 6)) % all.length] as Toy;
        return JSON.stringify({
          text,
          text_pair: other.text,
          label: label === other.label ? "same" : "other",
        });
      });
    });
    const [one, two] = toys(3) as [Toy, Toy];
    const { data } = await own.classify({ model, input: [{ text: one.text, text_pair: two.text }] });
    expect(["same", "other"]).toContain(data[0]?.label);
    await expect(own.classify({ model, input: one.text })).rejects.toMatchObject({
      status: 400,
      code: "wrong_input",
    });
  });
});

describe("a number a text", () => {
  it("is learnt, and answered in the unit of the rows", async () => {
    const { model, told } = await tuned("regression", (seed) =>
      toys(seed).map(({ text, label }) => JSON.stringify({ text, value: 1000 + 10 * label.length })),
    );
    expect(told).toMatch(/As served, the prompt answers 24 rows/);
    const { data, usage } = await own.estimate({ model, input: toys(3).map(({ text }) => text) });
    for (const { value } of data) expect(Math.abs(value - 1050)).toBeLessThan(100);
    expect(usage.total_tokens).toBeGreaterThan(24);
    await expect(own.classify({ model, input: "card" })).rejects.toMatchObject({ code: "unsupported_model" });
  });
});

describe("texts that find one another", () => {
  it("are learnt, and their vectors are the tuned model's own", async () => {
    const { model } = await tuned("retrieval", (seed) =>
      toys(seed).map(({ text, label }) =>
        JSON.stringify({ query: text, positive: `${label} ${text.split(" ")[0]}` }),
      ),
    );
    const [one] = (await own.embeddings({ model, input: "stolen card" })).data;
    const [plain] = (await own.embeddings({ model: "tiny", input: "stolen card" })).data;
    expect(one!.embedding).toHaveLength(plain!.embedding.length);
    expect(one!.embedding).not.toEqual(plain!.embedding);
  });
});

describe("named spans", () => {
  it("are learnt, and found as places in the text as it was given", async () => {
    const { model, told } = await tuned("tagging", (seed) =>
      toys(seed).map(({ text, label }) => {
        const tokens = text.split(" ");
        return JSON.stringify({ tokens, tags: tokens.map((_, at) => (at === 1 ? `B-${label}` : "O")) });
      }),
    );
    expect(told).toMatch(/As served, the prompt answers 24 rows/);
    const texts = [
      "👩🏽‍🚀 My card,\u00a0please!",
      "e\u0301te\u0301",
      "أين طلبي",
      ...toys(3).map(({ text }) => text),
    ];
    const { data } = await own.tag({ model, input: texts });
    expect(data.map(({ index }) => index)).toEqual([...texts.keys()]);
    for (const { index, spans } of data)
      for (const { text, start, end } of spans) {
        expect(texts[index]!.slice(start, end)).toBe(text);
        expect(text).toMatch(/^\S(?:.*\S)?$/u);
      }
    expect(data.flatMap(({ spans }) => spans).length).toBeGreaterThan(0);
    for (const at of [0, 1, 5]) {
      const [alone] = (await own.tag({ model, input: texts[at]! })).data;
      expect(alone!.spans).toEqual(data[at]!.spans);
    }
    await expect(own.classify({ model, input: "x" })).rejects.toMatchObject({ status: 400 });
  });
});

it("rows of another task than the job's are refused with the line that says so", async () => {
  const training_file = await upload(
    "labels.jsonl",
    toys(1).map(({ text, label }) => JSON.stringify({ text, labels: [label] })),
  );
  const job = await own.jobs.create({ model: "tiny", training_file });
  for await (const _ of own.jobs.watch(job.id));
  const { status, error } = await own.jobs.get(job.id);
  expect([status, error?.code]).toEqual(["failed", "invalid_training_file"]);
});
