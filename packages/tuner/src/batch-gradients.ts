import type { Prng } from "@kilotune/dataset";
import { type Feeds, float32, type Session } from "@kilotune/engine";
import type { DropoutMasks } from "./dropout-masks.ts";
import { promptFeed } from "./prompt-site.ts";
import type { LearningTask, Learnt } from "./task.ts";

/** What doesn't change from batch to batch. */
export interface GradientContext {
  readonly task: LearningTask;
  /** As the task opens it. */
  readonly session: Session;
  readonly masks: DropoutMasks | undefined;
}

/** Gradients of what is learnt, by the same names. */
export interface BatchGradients extends Learnt {
  /** Weighted mean over the batch, in nats. */
  readonly loss: number;
}

/** Loss and gradients of one batch, summed over its passes: both are sums over rows, so the parts make no difference but rounding. */
export async function batchGradients(
  context: GradientContext,
  learnt: Learnt,
  batch: readonly number[],
  epoch: number,
  random: Prng,
): Promise<BatchGradients> {
  let sum: BatchGradients | undefined;
  for (const rows of context.task.rows.passes(batch)) {
    const pass = await passGradients(context, learnt, rows, { batch, epoch }, random);
    sum = sum === undefined ? pass : added(sum, pass);
  }
  return sum as BatchGradients;
}

async function passGradients(
  { task, session, masks }: GradientContext,
  learnt: Learnt,
  rows: readonly number[],
  within: { readonly batch: readonly number[]; readonly epoch: number },
  random: Prng,
): Promise<BatchGradients> {
  const { site, head } = task;
  const hidden = await task.rows.batch(rows, within.epoch);
  const feeds: Feeds = {
    ...hidden,
    ...learntFeeds(task, learnt),
    ...(masks && (site?.dropout(masks, random, hidden) ?? task.dropout?.(masks, random, hidden))),
    ...(await task.targets(rows, within)),
  };
  const results = await session.run(feeds);
  const gradient = (name: string) => results[`grad.${name}`]?.data as Float32Array;
  return {
    loss: results.loss?.data[0] as number,
    prompt: site === undefined ? new Float32Array() : gradient(site.site.kind),
    head: Object.fromEntries(Object.keys(head).map((name) => [name, gradient(name)])),
  };
}

/** Prompt and head as the graph's inputs. */
export function learntFeeds({ site, head }: Pick<LearningTask, "site" | "head">, learnt: Learnt): Feeds {
  const tensors = Object.entries(head).map(([name, { dims }]) => [
    name,
    float32(learnt.head[name] as Float32Array, dims),
  ]);
  return { ...promptFeed(site, learnt.prompt), ...Object.fromEntries(tensors) };
}

function added(a: BatchGradients, b: BatchGradients): BatchGradients {
  const sum = (left: Float32Array, right: Float32Array) =>
    left.map((value, i) => value + (right[i] as number));
  return {
    loss: a.loss + b.loss,
    prompt: sum(a.prompt, b.prompt),
    head: Object.fromEntries(
      Object.entries(a.head).map(([name, values]) => [name, sum(values, b.head[name] as Float32Array)]),
    ),
  };
}
