import type { Backbone } from "@kilotune/backbone";
import { argmaxRows, countRight, readableName } from "@kilotune/tuner";
import type { FrozenSessions, PreparedRows } from "./prepare.ts";
import { prepareRows } from "./prepare.ts";

/**
 * The labels' own words as one more example a class ("card_arrival" -> "card arrival"): with few rows they help. Only
 * where the names say something: "3" or "class_b" would be noise. The training rows tell: their nearest name must be
 * the right one three times as often as by chance.
 */
export async function labelNames(
  backbone: Backbone,
  sessions: FrozenSessions,
  labels: readonly string[],
  train: PreparedRows,
): Promise<PreparedRows | undefined> {
  const texts = labels.map(readableName);
  if (texts.some((text) => text === "")) return undefined;
  const names = await prepareRows(backbone, sessions, {
    name: "label names",
    texts,
    labels: Int32Array.from(labels.keys()),
  });
  const nearest = argmaxRows(
    await sessions.linear.logits(train.vectors, names.vectors, new Float32Array(labels.length)),
    labels.length,
  );
  return countRight(train.labels, nearest) / train.labels.length >= Math.min(0.9, 3 / labels.length)
    ? names
    : undefined;
}

/** Against 1 for a row that somebody wrote. */
export const NAME_WEIGHT = 0.5;
