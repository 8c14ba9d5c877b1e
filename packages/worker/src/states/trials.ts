import type { SweptCandidate } from "@kilotune/contract";
import type { Job, Service } from "@kilotune/service";
import { successiveHalving, WHOLE_RUN } from "@kilotune/tuner";
import type { Execution } from "./context.ts";
import { jobBlob, readBlob } from "./job-blobs.ts";

/** What a job's candidates came to, a blob each. */

/** undefined where it wasn't measured yet. */
export async function readTrial(
  service: Service,
  execution: Execution,
  trial: number,
): Promise<number | undefined> {
  const bytes = await readBlob(service, execution, trialBlob(execution, trial, "score.json"));
  // JSON knows no infinity: null stands for a run that diverged.
  return bytes && ((JSON.parse(bytes.toString()) as { score: number | null }).score ?? -Infinity);
}

export async function keepTrial(
  { blobs }: Service,
  execution: Execution,
  trial: number,
  score: number,
): Promise<void> {
  const name = trialBlob(execution, trial, "score.json");
  const kept = { score: Number.isFinite(score) ? score : null };
  await blobs.put(execution.tenant, name, Buffer.from(JSON.stringify(kept)));
}

export function trialBlob(execution: Execution, trial: number, name: string): string {
  return jobBlob(execution, "trials", String(trial), name);
}

/** The best first, of equals the earlier one; undefined of a job without a sweep. */
export async function rankedTrials(
  service: Service,
  execution: Execution,
  { sweep }: Pick<Job, "sweep">,
): Promise<[SweptCandidate, ...SweptCandidate[]] | undefined> {
  if (sweep === null) return undefined;
  const measured = async (trial: number) => {
    const score = await readTrial(service, execution, trial);
    if (score === undefined) throw new Error(`candidate ${trial} wasn't measured: Try comes before`);
    return score;
  };
  const ranking = await successiveHalving(sweep, [WHOLE_RUN], (_, __, trial) => measured(trial));
  const swept = ranking.map(({ candidate, share, score }) => ({ settings: candidate, share, score }));
  return swept as [SweptCandidate, ...SweptCandidate[]];
}
