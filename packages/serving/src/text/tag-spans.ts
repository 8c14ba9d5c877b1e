import { decodeTags, spansOfTags } from "@kilotune/heads";
import { finite, logitsOf } from "../heads.ts";
import type { WordRow } from "./make-row.ts";
import { otherTask } from "./tasks.ts";

/** A run of words of a text that has a name. */
export interface FoundSpan {
  readonly label: string;
  /** UTF-16 units of the text as it was given, the end one past the last. */
  readonly start: number;
  readonly end: number;
  /** Calibrated probability of the tag of its least sure word. */
  readonly score: number;
}

/** @param states of the words that have a place, [words, H] flat */
export function spansOf({ words, wordPlaces, prompt }: WordRow, states: Float32Array): FoundSpan[] {
  const { id, labels, head, task } = prompt!;
  if (head === undefined || task.kind !== "tagging") throw otherTask("tagging", task);
  const seen = words.filter((_, word) => wordPlaces[word]! >= 0);
  const width = head.weight.length / labels.length;
  const logits = new Float64Array(seen.length * labels.length);
  seen.forEach((_, at) => {
    const state = states.subarray(at * width, (at + 1) * width);
    // An mlp head reads states of any length.
    const read = head.dense === undefined ? ofLengthOne(state) : state;
    logits.set(finite(logitsOf(head, read), id), at * labels.length);
  });
  const { tags, probabilities } = decodeTags(logits, labels, task.calibration.temperature);
  const names = Array.from(tags, (tag) => labels[tag]!);
  return spansOfTags(names).map(({ name, start, end }) => ({
    label: name,
    start: seen[start]![0],
    end: seen[end - 1]![1],
    score: Math.min(...probabilities.subarray(start, end)),
  }));
}

/** In plain loops over one word, so that its neighbours can't change a bit. */
function ofLengthOne(state: Float32Array): Float32Array {
  const squares = state.reduce((sum, number) => sum + number * number, 0);
  return state.map((number) => number / Math.sqrt(squares + 1e-24));
}
