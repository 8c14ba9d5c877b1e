/** The least value that a share of all values don't exceed: 0.5 the median, 0.99 all but one in a hundred. */
export function percentile(values: readonly number[], share: number): number {
  if (values.length === 0) return Number.NaN;
  const sorted = Float64Array.from(values).sort();
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] as number;
}

export function latencies(ms: readonly number[]) {
  return { p50Ms: percentile(ms, 0.5), p99Ms: percentile(ms, 0.99), maxMs: percentile(ms, 1) };
}
