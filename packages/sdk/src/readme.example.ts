import { openAsBlob } from "node:fs";
import { Kilotune } from "@kilotune/sdk";

const { KILOTUNE_URL: baseURL = "http://127.0.0.1:8787", KILOTUNE_API_KEY: apiKey = "" } = process.env;
const kilotune = new Kilotune({ baseURL, apiKey });
const rows = await openAsBlob("examples/support-desk/train.jsonl");
const file = await kilotune.files.create({ file: rows, filename: "desk.jsonl", purpose: "fine-tune" });
const job = await kilotune.jobs.create({ model: "minilm-l6", training_file: file.id });
for await (const { message } of kilotune.jobs.watch(job.id)) console.log(message);
const { fine_tuned_model: model, error } = await kilotune.jobs.get(job.id);
if (model === null) throw new Error(error?.message ?? "The job was cancelled.");
await kilotune.aliases.put("support", { model }, { ifNoneMatch: "*" });
export const { data } = await kilotune.classify({ model: "support", input: "where is my parcel" });
