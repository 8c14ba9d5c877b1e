import type { LinearSession } from "../head/linear-session.ts";

/**
 * k nearest neighbours by cosine, each voting with its similarity. Returns the class of each query.
 * @param vectors unit vectors [rows, H] flat, with their classes
 * @param queries unit vectors [queries, H] flat
 * @param self whether the queries are the rows themselves: a row then doesn't count as its own neighbour
 */
export async function nearestNeighbours(
  session: LinearSession,
  vectors: Float32Array,
  labels: Int32Array,
  classes: number,
  queries: Float32Array,
  k: number,
  self = false,
): Promise<Int32Array> {
  const rows = labels.length;
  const { hiddenSize } = session;
  const count = queries.length / hiddenSize;
  const predicted = new Int32Array(count);
  const none = new Float32Array(rows);
  // At most 4 million similarities at a time: 16 MB.
  const chunk = Math.max(1, Math.floor(4e6 / rows));
  for (let start = 0; start < count; start += chunk) {
    const end = Math.min(start + chunk, count);
    const similarities = await session.logits(
      queries.subarray(start * hiddenSize, end * hiddenSize),
      vectors,
      none,
    );
    for (let query = start; query < end; query++) {
      const part = similarities.subarray((query - start) * rows, (query - start + 1) * rows);
      if (self) part[query] = Number.NEGATIVE_INFINITY;
      predicted[query] = vote(part, labels, classes, k);
    }
  }
  return predicted;
}

function vote(similarities: Float32Array, labels: Int32Array, classes: number, k: number): number {
  const nearest: number[] = [];
  for (let row = 0; row < similarities.length; row++) {
    const similarity = similarities[row] as number;
    if (similarity === Number.NEGATIVE_INFINITY) continue;
    if (nearest.length === k && similarity <= (similarities[nearest[k - 1] as number] as number)) continue;
    let at = nearest.length;
    while (at > 0 && (similarities[nearest[at - 1] as number] as number) < similarity) at--;
    nearest.splice(at, 0, row);
    if (nearest.length > k) nearest.pop();
  }
  const votes = new Float64Array(classes);
  for (const row of nearest) {
    const label = labels[row] as number;
    votes[label] = (votes[label] as number) + Math.max(0, similarities[row] as number) + 1e-9;
  }
  return votes.reduce((best, sum, label) => (sum > (votes[best] as number) ? label : best), 0);
}
