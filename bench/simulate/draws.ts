import type { Prng } from "@kilotune/dataset";

/** Seconds to the next of events that come at random, `rate` a second. */
export function exponential(random: Prng, rate: number): number {
  return -Math.log1p(-random.uniform()) / rate;
}

/** A time whose median and 99th percentile are known: log-normal, as times of networks and of people's work mostly are. */
export interface Spread {
  readonly p50: number;
  readonly p99: number;
}

export function draw(random: Prng, { p50, p99 }: Spread): number {
  if (p50 === p99) return p50;
  return p50 * Math.exp((Math.log(p99 / p50) / Z99) * random.normal());
}

/** Of that distribution; it lies above the median. */
export function meanOf({ p50, p99 }: Spread): number {
  if (p50 === p99) return p50;
  const sigma = Math.log(p99 / p50) / Z99;
  return p50 * Math.exp(sigma ** 2 / 2);
}

/** Ranks 0 .. count - 1, the k-th as likely as (k + 1)^-exponent: what few tenants do most of. */
export function zipf(count: number, exponent: number): { shares: Float64Array; draw(random: Prng): number } {
  const shares = Float64Array.from({ length: count }, (_, rank) => (rank + 1) ** -exponent);
  const total = shares.reduce((sum, share) => sum + share, 0);
  const upTo = new Float64Array(count);
  let sum = 0;
  for (let rank = 0; rank < count; rank++) {
    shares[rank] = (shares[rank] as number) / total;
    sum += shares[rank] as number;
    upTo[rank] = sum;
  }
  return {
    shares,
    draw(random) {
      const point = random.uniform() * sum;
      let low = 0;
      for (let high = count - 1; low < high; ) {
        const middle = (low + high) >> 1;
        if ((upTo[middle] as number) <= point) low = middle + 1;
        else high = middle;
      }
      return low;
    },
  };
}

/** Of the standard normal distribution. */
const Z99 = 2.326_347_874;
