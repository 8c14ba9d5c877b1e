import type { JobId } from "@kilotune/contract";

/** Files of a job's results, by type. The CSV first: it is what OpenAI's users read as `result_files[0]`. */
export function resultNames(job: JobId) {
  return {
    csv: `step_metrics-${job}.csv`,
    html: `report-${job}.html`,
    json: `report-${job}.json`,
  } as const;
}
