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
  return { id: stored.id, accuracy: report.evaluation.accuracy, verdict: report.verdict.words };
}
