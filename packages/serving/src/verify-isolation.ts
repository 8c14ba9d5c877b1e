import type { ClassifyRequest, Predictor } from "./text/predictor.ts";

export interface IsolationReport {
  readonly batches: number;
  readonly rows: number;
  /** Rows whose logits differed from those of the solo run in any bit, the first ten. */
  readonly differences: readonly { readonly request: ClassifyRequest; readonly largest: number }[];
  readonly differing: number;
}

/**
 * Draws batches of 1 to `maxRows` of the requests, in any order and with repetitions, and compares every row's logits
 * with those that it gets alone, bit by bit.
 * @param uniform random numbers in [0, 1)
 */
export async function verifyIsolation(
  predictor: Predictor,
  requests: readonly ClassifyRequest[],
  { batches, uniform, maxRows = 32 }: { batches: number; uniform: () => number; maxRows?: number },
): Promise<IsolationReport> {
  const solo = new Map<ClassifyRequest, readonly number[]>();
  const alone = await predictor.classify(requests, { logits: true, alone: true });
  requests.forEach((request, at) => {
    solo.set(request, alone[at]!.logits!);
  });
  const differences: { request: ClassifyRequest; largest: number }[] = [];
  let rows = 0;
  let differing = 0;
  for (let batch = 0; batch < batches; batch++) {
    const size = 1 + Math.floor(uniform() * maxRows);
    const drawn = Array.from({ length: size }, () => requests[Math.floor(uniform() * requests.length)]!);
    const predictions = await predictor.classify(drawn, { logits: true });
    rows += size;
    drawn.forEach((request, at) => {
      const expected = solo.get(request)!;
      const seen = predictions[at]!.logits!;
      if (seen.every((logit, c) => Object.is(logit, expected[c]))) return;
      differing++;
      const largest = Math.max(...seen.map((logit, c) => Math.abs(logit - expected[c]!)));
      if (differences.length < 10) differences.push({ request, largest });
    });
  }
  return { batches, rows, differences, differing };
}
