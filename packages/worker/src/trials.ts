import type { Candidate, Rung, TuneSettings } from "@kilotune/tuner";
import { crossFolds, groupsOf, holdOut } from "./held-out.ts";
import type { JobHooks, TuneJob } from "./job.ts";
import { learn } from "./learn.ts";
import { openTask } from "./open-task.ts";
import { planOf } from "./plan-of.ts";
import { jobProgress } from "./progress.ts";
import type { RowsOf, TaskPlan } from "./task.ts";

/** Measures the candidates of a sweep on a job's held-out rows, here or in other processes. */
export interface Trials extends AsyncDisposable {
  /** What scores depend on, besides the candidates: data and backbone. */
  facts(candidate: Candidate): Promise<readonly unknown[]>;
  /** Mean score on the held-out rows, after so much of the candidate's run; goes on from its checkpoint. */
  measure(candidate: Candidate, rung: Rung, index: number): Promise<number>;
}

/** Of a candidate's measuring, 0..1: told after each epoch. */
export type OnShare = (share: number) => void;

/** In this process. What lies below a first layer is computed once for candidates of that layer that follow one another. */
export function trialsHere(job: TuneJob, hooks: JobHooks, onShare: OnShare = () => {}): Trials {
  let opened: { readonly firstLayer: number | undefined; readonly layer: LayerTrials } | undefined;
  const close = async () => {
    const layer = opened?.layer;
    opened = undefined;
    await layer?.[Symbol.asyncDispose]();
  };
  const open = async ({ firstLayer }: Candidate): Promise<LayerTrials> => {
    if (opened !== undefined && opened.firstLayer === firstLayer) return opened.layer;
    await close();
    const own = firstLayer === undefined ? job : { ...job, firstLayer };
    const layer = await planOf(own, hooks, (plan) => openLayer(plan, own, hooks, onShare));
    opened = { firstLayer, layer };
    return layer;
  };
  return {
    facts: async (candidate) => (await open(candidate)).facts,
    measure: async (candidate, rung, index) => (await open(candidate)).measure(candidate, rung, index),
    [Symbol.asyncDispose]: close,
  };
}

/** The job with what a candidate changes. Its folds have chosen: what they say of the winner is no longer news. */
export function withCandidate(
  { folds: _, ...job }: TuneJob,
  { firstLayer, ...settings }: Candidate,
): TuneJob {
  return { ...(job as TuneJob), settings, ...(firstLayer === undefined ? {} : { firstLayer }) };
}

/** What candidates with one first layer share. */
interface LayerTrials extends AsyncDisposable {
  readonly facts: readonly unknown[];
  measure(candidate: Candidate, rung: Rung, index: number): Promise<number>;
}

async function openLayer<File extends RowsOf, Rows extends RowsOf, Fitted, Outcome>(
  plan: TaskPlan<File, Rows, Fitted, Outcome>,
  job: TuneJob,
  hooks: JobHooks,
  onShare: OnShare,
): Promise<LayerTrials> {
  const progress = jobProgress(hooks);
  const { data, task, train, validation } = await openTask(plan, progress);
  try {
    const groups = groupsOf(job, data);
    const { folds } =
      job.folds === undefined
        ? holdOut(train, validation, job.seed, task.holding, groups)
        : { folds: crossFolds(train, data.together(), job.folds, job.seed, task.holding) };
    const inFolds = job.folds === undefined ? "" : `-of-${job.folds}`;
    progress.stage("tune", "trying candidates on held-out rows");
    const context = {
      // A candidate that goes on does so from its checkpoint.
      job: { ...job, ...(groups && { together: true }), resume: true },
      hooks,
      dataSha256: data.sha256,
    };
    return {
      facts: [data.sha256, task.backbone, ...(groups ? ["together"] : [])],
      async measure({ firstLayer: _, ...candidate }, { share }, index) {
        const { epochs } = { ...(task.settings as TuneSettings), ...candidate };
        const until = Math.max(1, Math.round(share * epochs));
        let [sum, rows] = [0, 0];
        for (const [at, fold] of folds.entries()) {
          const onEpoch = ({ epoch }: { readonly epoch: number }) =>
            onShare((at + Math.min(1, epoch / until)) / folds.length);
          const pace = { begin: () => ({ onStep: () => {}, onEpoch }) };
          const { end, curve } = await learn(
            task,
            { ...context, pace },
            epochs,
            `sweep-${index}-${at}${inFolds}`,
            fold.train,
            fold.heldOut,
            { settings: candidate, until },
          );
          if (end === "diverged") return Number.NEGATIVE_INFINITY;
          sum += fold.heldOut.count * (curve[Math.min(until, curve.length) - 1]?.validationAccuracy ?? 0);
          rows += fold.heldOut.count;
        }
        return sum / rows;
      },
      [Symbol.asyncDispose]: () => task[Symbol.asyncDispose](),
    };
  } catch (error) {
    await task[Symbol.asyncDispose]();
    throw error;
  }
}
