import type { Backbone } from "@kilotune/backbone";
import { fileSource, runTuneJob } from "@kilotune/worker";

export async function tuneDesk(backbone: Backbone, folder: string) {
  const out = `${folder}/prompt.safetensors`;
  const { report, stored } = await runTuneJob(
    {
      backbone,
      train: fileSource(`${folder}/train.jsonl`),
      test: fileSource(`${folder}/test.jsonl`),
      method: "kv",
      epochs: "auto",
      seed: 0,
      out,
      checkpoints: `${out}.checkpoint`,
      resume: false,
    },
    { onEvent: (event) => event.kind === "note" && console.error(event.words) },
  );
  const { verdict, candidates } = report;
  const published = candidates.find((candidate) => candidate.published);
  return { id: stored.id, test: published?.test, verdict: verdict.words };
}
