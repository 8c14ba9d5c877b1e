import { prng } from "@kilotune/dataset";
import { fitLinearProbe, type LinearHead } from "../head/linear-probe.ts";
import type { LinearSession } from "../head/linear-session.ts";
import { scoreSpans } from "../measure/spans.ts";
import { answerTags, type TaggedTexts } from "../text/tagging.ts";

export interface ProbedTexts extends Pick<TaggedTexts, "firsts" | "tags"> {
  /** As `embedWords` gives them: unit hidden states of the plain backbone, [words, H] flat. */
  readonly vectors: Float32Array;
}

export interface TagProbe {
  readonly head: LinearHead;
  /** Inverse strength of its regularisation, chosen on the training rows alone. */
  readonly C: number;
}

/** What taggers must beat: a linear probe of the frozen hidden states. C by cross-validation over whole texts, or as given. */
export async function fitTagProbe(
  linear: LinearSession,
  rows: ProbedTexts,
  labels: readonly string[],
  seed: number,
  chosen?: Pick<TagProbe, "C">,
): Promise<TagProbe> {
  const C = chosen?.C ?? (await chooseC(linear, rows, labels, seed));
  return { head: await fit(linear, rows, labels, C), C };
}

const C_GRID = [1, 10, 100, 1000] as const;
const FOLDS = 3;

async function chooseC(
  linear: LinearSession,
  rows: ProbedTexts,
  labels: readonly string[],
  seed: number,
): Promise<number> {
  const folds = prng(seed, "tag folds").shuffle(Array.from(rows.tags, (_, row) => row % FOLDS));
  const scores = C_GRID.map(() => 0);
  for (let fold = 0; fold < FOLDS; fold++) {
    const [inFold, others] = [true, false].map((wanted) =>
      [...rows.tags.keys()].filter((row) => (folds[row] === fold) === wanted),
    ) as [number[], number[]];
    if (inFold.length === 0 || others.length === 0) continue;
    const [train, heldOut] = [part(rows, others, linear.hiddenSize), part(rows, inFold, linear.hiddenSize)];
    const expected = heldOut.tags.map((tags) => Array.from(tags, (tag) => labels[tag] ?? "O"));
    for (const [at, C] of C_GRID.entries()) {
      const head = await fit(linear, train, labels, C);
      const answered = await answerTags(linear, heldOut.vectors, heldOut.firsts, labels, head);
      scores[at] = (scores[at] as number) + scoreSpans(expected, answered).f1;
    }
  }
  // Ties go to the stronger regularisation.
  return C_GRID[scores.indexOf(Math.max(...scores))] as number;
}

function fit(
  linear: LinearSession,
  { vectors, firsts, tags }: ProbedTexts,
  labels: readonly string[],
  C: number,
) {
  const ofWords = firsts.flatMap((first, row) =>
    [...first.keys()]
      .filter((word) => (first[word] as number) >= 0)
      .map((word) => tags[row]?.[word] as number),
  );
  const known = Int32Array.from(ofWords, (tag) => Math.max(0, tag));
  const rowWeights = Float32Array.from(ofWords, (tag) => (tag < 0 ? 0 : 1));
  return fitLinearProbe(linear, vectors, known, labels.length, { C, rowWeights });
}

/** Some of the rows. */
function part(
  { vectors, firsts, tags }: ProbedTexts,
  rows: readonly number[],
  hiddenSize: number,
): ProbedTexts {
  const starts: number[] = [];
  let at = 0;
  for (const first of firsts) {
    starts.push(at);
    at += hiddenSize * first.reduce((sum, token) => sum + (token >= 0 ? 1 : 0), 0);
  }
  starts.push(at);
  const pieces = rows.map((row) => vectors.subarray(starts[row], starts[row + 1]));
  const own = new Float32Array(pieces.reduce((sum, piece) => sum + piece.length, 0));
  let to = 0;
  for (const piece of pieces) {
    own.set(piece, to);
    to += piece.length;
  }
  return {
    vectors: own,
    firsts: rows.map((row) => firsts[row] as Int32Array),
    tags: rows.map((row) => tags[row] as Int32Array),
  };
}
