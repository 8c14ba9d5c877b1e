import { Kilotune, NotFoundError } from "@kilotune/sdk";

/** What a page does with the SDK, and what came of it; see sdk-browser.test.ts. */
export async function walk(baseURL: string, apiKey: string, rows: string, model: string) {
  const kilotune = new Kilotune({ baseURL, apiKey });
  const file = await kilotune.files.create({ file: new File([rows], "desk.jsonl"), purpose: "fine-tune" });
  const job = await kilotune.jobs.create({ model: "minilm-l6", training_file: file.id });
  const events: string[] = [];
  for await (const { message } of kilotune.jobs.watch(job.id)) events.push(message);
  const { data } = await kilotune.classify({ model, input: ["äöü", "🙂"] });
  const { data: vectors } = await kilotune.embeddings({ model: "minilm-l6", input: "four" });
  const files: string[] = [];
  for await (const { filename } of kilotune.files.list({ limit: 1 })) files.push(filename);
  return {
    last: events.at(-1),
    lengths: data.map(({ label }) => label.split(":")[1]),
    vector: vectors[0]?.embedding,
    files,
    content: await (await kilotune.files.content(file.id)).text(),
    missing: await kilotune.models.get("none").catch((error) => error instanceof NotFoundError),
  };
}
