import { openAsBlob } from "node:fs";
import path from "node:path";
import { Kilotune } from "@kilotune/sdk";
import { openMiniLm } from "./support/backbone.ts";
import { defineBench, say } from "./support/bench.ts";
import { classifyCalls, textsOfTokens } from "./support/classify-calls.ts";
import { type Load, load } from "./support/load.ts";
import { exampleFile } from "./support/places.ts";
import { plantTenants } from "./support/plant-tenants.ts";
import { serveProcess } from "./support/serve-process.ts";
import { withFolder } from "./support/temporary.ts";

export const bench = defineBench({
  about: "paced calls for texts of 12 tokens, 16 tenants, while a job tunes and while none does",
  goal: "p99 while a job runs <= 3 x idle, with serve's own settings",
  flags: { "per-second": 50, seconds: 20, epochs: 200 },
  run: ({ "per-second": perSecond, seconds, epochs }) =>
    withFolder(async (folder) => {
      const backbone = await openMiniLm();
      const data = path.join(folder, "data");
      const tenants = await plantTenants(data, backbone, 17);
      const [tuning, ...asking] = tenants;
      const calls = classifyCalls(asking, await textsOfTokens(backbone, 12));
      await using server = await serveProcess(data);
      const measure = async (when: string) => {
        const found = await load({ url: server.url, connections: 16, calls, seconds, perSecond });
        say(`  ${when}: p50 ${found.p50Ms.toFixed(1)} ms, p99 ${found.p99Ms.toFixed(1)} ms`);
        return found;
      };

      await load({ url: server.url, connections: 16, calls, seconds: 3, perSecond });
      const before = await measure("idle");
      const client = new Kilotune({ baseURL: server.url, apiKey: tuning!.key });
      const file = await client.files.create({
        file: await openAsBlob(exampleFile("train.jsonl")),
        filename: "train.jsonl",
        purpose: "fine-tune",
      });
      const job = await client.jobs.create({
        model: "minilm-l6",
        training_file: file.id,
        method: { type: "kv", kv: { hyperparameters: { n_epochs: epochs } } },
      });
      for await (const { type } of client.jobs.watch(job.id)) if (type === "metrics") break;
      const during = await measure("while a job runs");
      const { status } = await client.jobs.get(job.id);
      if (status !== "running") throw new Error(`the job was ${status} before the end: give more --epochs`);
      await client.jobs.cancel(job.id);
      for await (const _ of client.jobs.watch(job.id));
      const after = await measure("idle again");

      const idle = [before, after].toSorted((a, b) => a.p99Ms - b.p99Ms)[0] as Load;
      const ratio = during.p99Ms / idle.p99Ms;
      const failures = before.failures + during.failures + after.failures;
      return { figures: { ratio, before, during, after, failures }, reached: ratio <= 3 && failures === 0 };
    }),
});
