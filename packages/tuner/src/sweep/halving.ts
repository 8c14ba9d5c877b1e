/** A round of a search: so much of its run does each candidate get, counted from the start; so many go on. */
export interface Rung {
  /** Of a candidate's own epochs, 0..1. */
  readonly share: number;
  readonly keep: number;
}

/**
 * Rounds of successive halving (Jamieson and Talwalkar, AISTATS 2016): each keeps a quarter of the candidates and gives those
 * four times the run, until one is left, which has the whole of it. 16 candidates take 2.5 runs.
 */
export function rungsOf(candidates: number): Rung[] {
  const keeps: number[] = [];
  for (let left = candidates; left > 1; keeps.push(left)) left = Math.ceil(left / FACTOR);
  return [...keeps, 1].map((keep, round) => ({ share: FACTOR ** (round - keeps.length), keep }));
}

/** The one round of a search that drops nobody. */
export const WHOLE_RUN: Rung = { share: 1, keep: 1 };

const FACTOR = 4;

export interface Trial<Candidate> {
  readonly candidate: Candidate;
  /** From 0, as the candidates were given. */
  readonly index: number;
  /** Of its run, how much it got. */
  readonly share: number;
  /** Higher is better; -Infinity of a run that diverged. */
  readonly score: number;
}

export interface HowMeasured<Candidate> {
  readonly together?: boolean;
  readonly order?: (a: Candidate, b: Candidate) => number;
}

/**
 * Measures the candidates round by round. The same scores give the same ranking; of equals the earlier candidate is better.
 * @param measure runs a candidate on to `share` of its run and says how good it is then; may be asked again after a restart
 * @param how together: asks for all of a round at once; else one by one, sorted by `order`, which decides nothing else
 * @returns the last trial of each, the best first: who got further stands before who was dropped
 */
export async function successiveHalving<Candidate>(
  candidates: readonly Candidate[],
  rungs: readonly Rung[],
  measure: (candidate: Candidate, rung: Rung, index: number) => Promise<number>,
  onTrial: (trial: Trial<Candidate>) => void = () => {},
  { together = false, order = () => 0 }: HowMeasured<Candidate> = {},
): Promise<Trial<Candidate>[]> {
  let standing = candidates.map((candidate, index) => ({ candidate, index }));
  const dropped: Trial<Candidate>[] = [];
  for (const rung of rungs) {
    const tryOne = async ({ candidate, index }: (typeof standing)[number]): Promise<Trial<Candidate>> => {
      const score = await measure(candidate, rung, index);
      const trial = { candidate, index, share: rung.share, score: Number.isNaN(score) ? -Infinity : score };
      onTrial(trial);
      return trial;
    };
    const trials: Trial<Candidate>[] = together ? await Promise.all(standing.map(tryOne)) : [];
    const one = together ? [] : standing.toSorted((a, b) => order(a.candidate, b.candidate));
    for (const each of one) trials.push(await tryOne(each));
    trials.sort((a, b) => (a.score === b.score ? a.index - b.index : b.score > a.score ? 1 : -1));
    const going = rung === rungs.at(-1) ? trials.length : rung.keep;
    dropped.unshift(...trials.slice(going));
    standing = trials.slice(0, going);
    if (rung === rungs.at(-1)) return [...trials, ...dropped];
  }
  return dropped;
}
