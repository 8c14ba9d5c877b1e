import type { Metrics } from "@kilotune/api";
import type { PredictorStats } from "@kilotune/serving";
import { Gauge } from "prom-client";
import type { LocalBatches } from "./local-batches.ts";
import type { LocalInference } from "./local-inference.ts";
import type { LocalWorkflow } from "./local-workflow.ts";

/** What runs beside the API, read when Prometheus asks. */
export function addGauges(
  { registry }: Metrics,
  { predictors }: Pick<LocalInference, "predictors">,
  workflow: LocalWorkflow,
  batches: LocalBatches,
): void {
  const byBackbone = (name: string, help: string, read: (stats: Stats) => number) =>
    new Gauge({
      name,
      help,
      labelNames: ["backbone"],
      registers: [registry],
      collect() {
        for (const [backbone, predictor] of predictors) this.set({ backbone }, read(predictor.stats()));
      },
    });
  byBackbone("kilotune_prompt_cache_entries", "Prompts in memory.", ({ prompts }) => prompts.entries);
  byBackbone("kilotune_prompt_cache_bytes", "Memory of prompts.", ({ prompts }) => prompts.bytes);
  byBackbone("kilotune_prompt_cache_hits", "Uses of a prompt in memory.", ({ prompts }) => prompts.hits);
  byBackbone("kilotune_prompt_cache_loads", "Prompts loaded.", ({ prompts }) => prompts.loads);
  byBackbone("kilotune_prompt_cache_evictions", "Prompts dropped.", ({ prompts }) => prompts.evictions);
  byBackbone("kilotune_batch_passes", "Forward passes.", ({ batches }) => batches.passes);
  byBackbone("kilotune_batch_rows", "Rows in all passes.", ({ batches }) => batches.rows);
  byBackbone("kilotune_batch_waiting_rows", "Rows that wait.", ({ batches }) => batches.waiting);
  new Gauge({
    name: "kilotune_batches",
    help: "Batches that haven't ended.",
    registers: [registry],
    collect() {
      this.set(batches.stats().batches);
    },
  });
  new Gauge({
    name: "kilotune_jobs",
    help: "Jobs under way: tuning, waiting for their turn, or in another state.",
    labelNames: ["state"],
    registers: [registry],
    collect() {
      const { executions, tuning, waiting } = workflow.stats();
      this.set({ state: "tuning" }, tuning);
      this.set({ state: "waiting" }, waiting);
      this.set({ state: "other" }, executions - tuning - waiting);
    },
  });
}

type Stats = PredictorStats;
