import type { Candidate, ComparedMethod } from "@kilotune/contract";
import { removeCheckpoints } from "../checkpoint-files.ts";
import type { JobHooks, TextJob } from "../job.ts";
import { FULL } from "../make-report.ts";
import { runTuneJob } from "../run-tune-job.ts";
import { foldsScore } from "./folds-score.ts";
import type { Kept } from "./kept.ts";
import { modelSwitchSeconds, promptSwitchSeconds } from "./switch-time.ts";

/** What is learnt, by the job that `kilotune tune` runs. @param name among the compared */
export async function measureJob(job: TextJob, name: string, hooks: JobHooks): Promise<Kept> {
  const { report, seconds, stored, full } = await runTuneJob(job, hooks);
  await removeCheckpoints(job.checkpoints);
  const inFolds = (of: string): Pick<ComparedMethod, "crossValidated"> => {
    const found = report.crossValidation?.candidates.find((each) => each.name === of);
    return found === undefined ? {} : { crossValidated: foldsScore(found) };
  };
  const candidate = (of: string) => report.candidates.find((each) => each.name === of) as Candidate;
  if (full !== undefined) {
    const { title, test, sizeBytes, ...own } = candidate(FULL);
    const diverged = own.heldOut === null && report.data.heldOut.rows > 0;
    const method = {
      name,
      title: diverged ? `${title} (diverged)` : title,
      heldOut: own.heldOut,
      ...inFolds(FULL),
      test,
      trainableParameters: full.weights,
      sizeBytes,
      seconds: seconds.prepare + full.seconds,
      switchSeconds: await modelSwitchSeconds(job.backbone),
    };
    return { report, methods: [method] };
  }
  const { title, heldOut, test, sizeBytes, published } = candidate(job.method);
  // As their run's settings tell them.
  const { init, reparam } = report.settings;
  const method: ComparedMethod = {
    name,
    title: titleOf(name, title, published),
    heldOut: published && heldOut && heldOut.rows > 0 ? heldOut : null,
    ...inFolds(job.method),
    ...(init === undefined ? {} : { init: `${init}` }),
    ...(reparam === undefined ? {} : { reparam: `${reparam}` }),
    // Of a run that diverged a head was published, whose figures these would be.
    test: published ? test : null,
    trainableParameters: report.prompt.trainableParameters,
    sizeBytes: published ? stored.sizeBytes : sizeBytes,
    seconds: seconds.prepare + seconds.tune,
    switchSeconds: published ? await promptSwitchSeconds(job.backbone, job.out) : null,
  };
  return { report, methods: [method] };
}

function titleOf(name: string, title: string, published: boolean): string {
  if (name === "linear-probe") return "linear probe";
  return published ? title : `${title} (diverged)`;
}
