import type { Backbone } from "@kilotune/backbone";
import type { Score } from "@kilotune/contract";
import {
  argmaxRows,
  type BaselineName,
  type Baselines,
  type FrozenRows,
  predictBaselines,
  scoreOf,
} from "@kilotune/tuner";
import { answer } from "./answer.ts";
import { type Assessment, assess } from "./evaluate.ts";
import type { FrozenSessions, PreparedRows } from "./prepare.ts";
import type { TextPrompt } from "./publish.ts";

/** What the published prompt, and each baseline beside it, makes of one labelled file. */
export interface Measured {
  readonly name: string;
  readonly score: Score;
  readonly baselines: Readonly<Record<BaselineName, Score>>;
  readonly assessed: Assessment;
}

/** @param fitted.frozen the rows that the baselines were fitted on */
export async function measure(
  backbone: Backbone,
  { linear }: FrozenSessions,
  prompt: TextPrompt,
  fitted: { readonly baselines: Baselines; readonly frozen: FrozenRows },
  rows: PreparedRows,
): Promise<Measured> {
  const { labels, calibration } = prompt.manifest;
  const classes = labels.length;
  const scored = (predicted: Int32Array) => scoreOf(rows.labels, predicted, classes);
  const logits = await answer(backbone, linear, prompt, rows);
  const predicted = await predictBaselines(linear, fitted.baselines, fitted.frozen, rows.vectors);
  return {
    name: rows.name,
    score: scored(argmaxRows(logits, classes)),
    baselines: {
      majority: scored(predicted.majority),
      classMean: scored(predicted.classMean),
      knn: scored(predicted.knn),
      linearProbe: scored(predicted.linearProbe),
    },
    assessed: assess(rows.texts, rows.labels, logits, labels, calibration.temperature),
  };
}
