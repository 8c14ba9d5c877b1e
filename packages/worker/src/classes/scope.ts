import type { ScopeEvaluation } from "@kilotune/contract";
import type { Prompt } from "@kilotune/prompt";
import { auroc, chooseScope, type ScopeChoice, scopeScores } from "@kilotune/tuner";
import type { ClassOutcome } from "./outcome.ts";

/** Rows that are of no class, and what answers them. */
export interface OutsideRows<Rows> {
  /** Of the training and the validation file: they choose the threshold, and no class learns from them. */
  readonly choosing: Rows | undefined;
  /** Of the test file. */
  readonly tested: Rows | undefined;
}

/**
 * The same prompt, that says of an input whether it is none of the classes'. Score and threshold are chosen on rows that no
 * class has learnt from: those held out, and where there are any those of no class.
 */
export function withScope(
  prompt: Prompt,
  heldOut: readonly ClassOutcome[],
  outside: Float32Array | undefined,
  classes: number,
): Prompt {
  const calibration = prompt.manifest.calibration as { readonly temperature: number };
  const inScope = flatLogits(heldOut);
  if (inScope.length === 0) return prompt;
  const logits = { inScope, ...(outside && { outside }) };
  const outOfScope = chooseScope(logits, classes, calibration.temperature);
  return {
    ...prompt,
    manifest: { ...prompt.manifest, calibration: { ...calibration, outOfScope } },
  } as Prompt;
}

/** How well rows of no class are told from others. @param outside their logits, [rows, classes] flat */
export function assessScope(
  { temperature, outOfScope }: { readonly temperature: number; readonly outOfScope: ScopeChoice },
  outcomes: readonly ClassOutcome[],
  outside: Float32Array | undefined,
  classes: number,
): ScopeEvaluation {
  const { score, threshold } = outOfScope;
  const inside = scopeScores(score, flatLogits(outcomes), classes, temperature);
  const others = scopeScores(score, outside ?? new Float32Array(), classes, temperature);
  const share = (scores: Float64Array, isRight: (score: number) => boolean) =>
    scores.length === 0 ? null : scores.filter(isRight).length / scores.length;
  return {
    score,
    threshold,
    rows: { inScope: inside.length, outside: others.length },
    auroc: others.length === 0 || inside.length === 0 ? null : auroc(inside, others),
    kept: share(inside, (seen) => seen >= threshold),
    found: share(others, (seen) => seen < threshold),
  };
}

function flatLogits(outcomes: readonly ClassOutcome[]): Float32Array {
  return Float32Array.from(outcomes.flatMap(({ logits }) => [...(logits ?? [])]));
}
