import type { ClassifyRequest, Predictor } from "./text/predictor.ts";
import type { ImageRequest, VisionPredictor } from "./vision/predictor.ts";

export interface IsolationReport<Request = ClassifyRequest> {
  readonly batches: number;
  readonly rows: number;
  /** Rows whose numbers differed from those of the solo run in any bit, the first ten. */
  readonly differences: readonly { readonly request: Request; readonly largest: number }[];
  readonly differing: number;
}

export interface IsolationOptions {
  readonly batches: number;
  /** Random numbers in [0, 1). */
  readonly uniform: () => number;
  readonly maxRows?: number;
}

/**
 * Draws batches of 1 to `maxRows` of the requests, in any order and with repetitions, and compares every row's logits
 * with those that it gets alone, bit by bit.
 */
export function verifyIsolation(
  predictor: Predictor,
  requests: readonly ClassifyRequest[],
  options: IsolationOptions,
): Promise<IsolationReport> {
  return compare(requests, options, async (drawn, alone) => {
    const answers = await predictor.classify(drawn, { logits: true, alone });
    return answers.map(({ logits }) => logits!);
  });
}

/** The same for images: the numbers of all heads, whatever their tasks. */
export function verifyImageIsolation(
  predictor: VisionPredictor,
  requests: readonly ImageRequest[],
  options: IsolationOptions,
): Promise<IsolationReport<ImageRequest>> {
  return compare(requests, options, async (drawn, alone) => {
    const answers = await predictor.answer(drawn, { numbers: true, alone });
    return answers.map(({ numbers }) => numbers!);
  });
}

async function compare<Request>(
  requests: readonly Request[],
  { batches, uniform, maxRows = 32 }: IsolationOptions,
  run: (requests: readonly Request[], alone: boolean) => Promise<readonly ArrayLike<number>[]>,
): Promise<IsolationReport<Request>> {
  const alone = await run(requests, true);
  const solo = new Map(requests.map((request, at) => [request, alone[at]!]));
  const differences: { request: Request; largest: number }[] = [];
  let rows = 0;
  let differing = 0;
  for (let batch = 0; batch < batches; batch++) {
    const size = 1 + Math.floor(uniform() * maxRows);
    const drawn = Array.from({ length: size }, () => requests[Math.floor(uniform() * requests.length)]!);
    const seen = await run(drawn, false);
    rows += size;
    drawn.forEach((request, at) => {
      const largest = largestDifference(seen[at]!, solo.get(request)!);
      if (largest === undefined) return;
      differing++;
      if (differences.length < 10) differences.push({ request, largest });
    });
  }
  return { batches, rows, differences, differing };
}

/** undefined where no bit differs. */
function largestDifference(a: ArrayLike<number>, b: ArrayLike<number>): number | undefined {
  let largest: number | undefined;
  for (let i = 0; i < a.length; i++)
    if (!Object.is(a[i], b[i])) largest = Math.max(largest ?? 0, Math.abs(a[i]! - b[i]!));
  return largest;
}
