/** A named run of words in BIO tags: `B-name` begins one, `I-name` goes on, `O` is none. */
export interface TagSpan {
  readonly name: string;
  /** The first word, and one past the last. */
  readonly start: number;
  readonly end: number;
}

/**
 * The spans of a row of tags. `I-name` where no such span is open begins one, as conlleval and seqeval read it; what is no
 * tag counts as `O`.
 */
export function spansOfTags(tags: readonly string[]): TagSpan[] {
  const spans: TagSpan[] = [];
  let open: { name: string; start: number } | undefined;
  const close = (end: number) => {
    if (open !== undefined) spans.push({ ...open, end });
    open = undefined;
  };
  for (const [at, tag] of tags.entries()) {
    const name = nameOf(tag);
    if (name === undefined || tag.startsWith("B-") || name !== open?.name) close(at);
    if (name !== undefined) open ??= { name, start: at };
  }
  close(tags.length);
  return spans;
}

/**
 * The likeliest row of tags of which each may follow the one before it (Viterbi): an `I-name` stands only behind a `B-name`
 * or `I-name`. Probabilities alone would give spans without a beginning.
 *
 * @param logits [words, tags] flat
 * @returns the number of each word's tag, and its probability, the softmax of logits / temperature
 */
export function decodeTags(
  logits: ArrayLike<number>,
  tags: readonly string[],
  temperature = 1,
): { readonly tags: Int32Array; readonly probabilities: Float64Array } {
  const C = tags.length;
  const words = logits.length / C;
  const before = tags.map((tag) => predecessors(tag, tags));
  const starts = tags.map((tag) => !tag.startsWith("I-"));
  const logProbabilities = new Float64Array(words * C);
  for (let word = 0; word < words; word++) logSoftmax(logits, word * C, C, temperature, logProbabilities);

  const from = new Int32Array(words * C).fill(-1);
  let best = Float64Array.from({ length: C }, (_, tag) =>
    starts[tag] ? (logProbabilities[tag] as number) : Number.NEGATIVE_INFINITY,
  );
  for (let word = 1; word < words; word++) {
    const all = argmax(best);
    const next = new Float64Array(C);
    for (let tag = 0; tag < C; tag++) {
      const allowed = before[tag];
      let source = all;
      if (allowed !== undefined) {
        source = allowed.reduce(
          (a, b) => ((best[b] as number) > (best[a] as number) ? b : a),
          allowed[0] ?? -1,
        );
      }
      from[word * C + tag] = source;
      const score = source < 0 ? Number.NEGATIVE_INFINITY : (best[source] as number);
      next[tag] = score + (logProbabilities[word * C + tag] as number);
    }
    best = next;
  }
  const found = new Int32Array(words);
  const probabilities = new Float64Array(words);
  let tag = words === 0 ? -1 : argmax(best);
  for (let word = words - 1; word >= 0; word--) {
    found[word] = tag;
    probabilities[word] = Math.exp(logProbabilities[word * C + tag] as number);
    tag = from[word * C + tag] as number;
  }
  return { tags: found, probabilities };
}

/** Tags that may stand before it; undefined for all. */
function predecessors(tag: string, tags: readonly string[]): number[] | undefined {
  if (!tag.startsWith("I-")) return undefined;
  const name = nameOf(tag);
  return tags.flatMap((other, at) => (nameOf(other) === name ? [at] : []));
}

function nameOf(tag: string): string | undefined {
  return /^[BI]-./s.test(tag) ? tag.slice(2) : undefined;
}

function logSoftmax(
  logits: ArrayLike<number>,
  start: number,
  count: number,
  divisor: number,
  out: Float64Array,
) {
  let largest = Number.NEGATIVE_INFINITY;
  for (let at = start; at < start + count; at++) largest = Math.max(largest, logits[at] as number);
  let sum = 0;
  for (let at = start; at < start + count; at++)
    sum += Math.exp(((logits[at] as number) - largest) / divisor);
  const log = Math.log(sum);
  for (let at = start; at < start + count; at++) out[at] = ((logits[at] as number) - largest) / divisor - log;
}

function argmax(values: Float64Array): number {
  let best = 0;
  for (let at = 1; at < values.length; at++) if ((values[at] as number) > (values[best] as number)) best = at;
  return best;
}
