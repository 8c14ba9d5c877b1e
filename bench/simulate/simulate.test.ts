import { prng } from "@kilotune/dataset";
import { describe, expect, it } from "vitest";
import { draw, meanOf, zipf } from "./draws.ts";
import { EventQueue } from "./event-queue.ts";
import { LambdaPool } from "./lambda-pool.ts";
import { hitRateOf, Lru } from "./lru.ts";
import { type ServingSettings, simulateServing } from "./serving.ts";
import { simulateTuning } from "./tuning.ts";

const EVEN = new Array<number>(24).fill(1);
const always = (seconds: number) => ({ p50: seconds, p99: seconds });

it("events come by time, those of one moment in their order", () => {
  const random = prng(1, "events");
  const events = new EventQueue<number>();
  const times = Array.from({ length: 500 }, () => random.integer(50));
  for (const [at, time] of times.entries()) events.add(time, at);
  const taken: [number, number][] = [];
  for (let next = events.take(); next !== undefined; next = events.take())
    taken.push([next.time, next.event]);
  expect(taken).toEqual(
    times.map((time, at): [number, number] => [time, at]).sort((a, b) => a[0] - b[0] || a[1] - b[1]),
  );
});

describe("draws", () => {
  it("have the median, the 99th percentile and the mean that are said", () => {
    const random = prng(1, "draws");
    const spread = { p50: 2, p99: 10 };
    const drawn = Array.from({ length: 100_000 }, () => draw(random, spread)).sort((a, b) => a - b);
    expect(drawn[50_000]).toBeCloseTo(2, 1);
    expect((drawn[99_000] as number) / 10).toBeCloseTo(1, 1);
    const mean = drawn.reduce((sum, each) => sum + each) / drawn.length;
    expect(mean / meanOf(spread)).toBeCloseTo(1, 1);
  });

  it("of ranks follow Zipf: of 3 with exponent 1 shares of 6, 3 and 2 elevenths", () => {
    const random = prng(1, "zipf");
    const ranks = zipf(3, 1);
    expect([...ranks.shares].map((share) => share * 11)).toEqual([6, 3, 2].map((n) => expect.closeTo(n, 9)));
    const counts = [0, 0, 0];
    for (let each = 0; each < 110_000; each++) counts[ranks.draw(random)]!++;
    expect(counts.map((count) => Math.round(count / 1000))).toEqual([60, 30, 20]);
  });
});

describe("the cache", () => {
  it("leaves out what was used longest ago", () => {
    const lru = new Lru(2);
    expect([1, 2, 1, 3, 1, 2, 3].map((key) => lru.use(key))).toEqual([
      false, // 1
      false, // 1 2
      true, // 2 1
      false, // 1 3, without 2
      true, // 3 1
      false, // 1 2, without 3
      false, // 2 3
    ]);
  });

  it("keeps nothing longer than it may, however often it is used", () => {
    const lru = new Lru(2, 10);
    expect([0, 6, 9, 10, 12].map((now) => lru.use(1, now))).toEqual([false, true, true, false, true]);
  });

  it("of one place, keys of three quarters and one quarter: hit 5/8 of the time", () => {
    const random = prng(1, "hits");
    const lru = new Lru(1);
    let hits = 0;
    for (let each = 0; each < 100_000; each++) hits += lru.use(random.uniform() < 0.75 ? 0 : 1) ? 1 : 0;
    expect(hits / 100_000).toBeCloseTo(5 / 8, 2);
  });

  it.each([
    { keys: 1000, exponent: 0, room: 250, known: 0.25 },
    { keys: 1000, exponent: 1, room: 100 },
    { keys: 1000, exponent: 0.8, room: 400 },
    { keys: 1000, exponent: 1, room: 1000, known: 1 },
  ])("of $room places for $keys keys, exponent $exponent, hits as Che's approximation says", (row) => {
    const random = prng(2, "hits");
    const { shares, ...ranks } = zipf(row.keys, row.exponent);
    const lru = new Lru(row.room);
    for (let each = 0; each < 20_000; each++) lru.use(ranks.draw(random));
    let hits = 0;
    for (let each = 0; each < 100_000; each++) hits += lru.use(ranks.draw(random)) ? 1 : 0;
    const said = hitRateOf(shares, row.room);
    if (row.known !== undefined) expect(said).toBeCloseTo(row.known, 2);
    expect(Math.abs(hits / 100_000 - said)).toBeLessThan(0.01);
  });
});

describe("environments of a function", () => {
  const settings = { concurrency: 3, newPerSecond: 1000, idleSeconds: 10, lifeSeconds: 1e12 };
  const pool = (more: Partial<typeof settings> = {}) =>
    new LambdaPool({ ...settings, ...more }, prng(1, "pool"), (environment) => environment);
  type Pool = ReturnType<typeof pool>;
  const take = (from: Pool, now: number) => from.acquire(now)!;

  it("are used again, the latest first, and end when nobody calls them", () => {
    const lambda = pool();
    const [a, b] = [take(lambda, 0), take(lambda, 0)];
    expect([a.cold, b.cold]).toEqual([true, true]);
    lambda.release(a.environment, 1);
    lambda.release(b.environment, 2);
    const again = take(lambda, 3);
    expect([again.cold, again.environment]).toEqual([false, b.environment]);
    lambda.release(again.environment, 4);
    // The other has been idle since 1.
    expect([take(lambda, 11.5).cold, take(lambda, 11.5).cold]).toEqual([false, true]);
    expect(lambda.colds).toBe(3);
  });

  it("are no more than may be, and no more new ones than ten seconds' worth", () => {
    const lambda = pool();
    for (let each = 0; each < 3; each++) take(lambda, 0);
    expect(lambda.acquire(0)).toBeUndefined();
    const slow = pool({ newPerSecond: 0.1 });
    expect([slow.acquire(0)?.cold, slow.acquire(0)?.cold, slow.acquire(5)?.cold]).toEqual([
      true,
      undefined,
      undefined,
    ]);
    expect(slow.acquire(10)?.cold).toBe(true);
  });

  it("live as long as said, on average", () => {
    const lambda = pool({ idleSeconds: 1e9, lifeSeconds: 100 });
    for (let now = 0; now < 100_000; now++) lambda.release(take(lambda, now).environment, now);
    expect(Math.abs(lambda.colds / 1000 - 1)).toBeLessThan(0.1);
  });
});

describe("calls", () => {
  const pool = { concurrency: 1000, newPerSecond: 1000, idleSeconds: 1e9, lifeSeconds: 1e12 };
  const settings: ServingSettings = {
    seed: 1,
    tenants: 1,
    requestsPerDay: 86_400,
    zipfExponent: 1,
    dayShape: EVEN,
    maxRequests: 20_000,
    api: { ...pool, init: always(1) },
    infer: { ...pool, init: always(2) },
    work: always(0.002),
    recordCalls: { before: 3, after: 1 },
    recordCall: always(0.004),
    invoke: always(0.01),
    compute: always(0.006),
    get: always(0.03),
    read: always(0.001),
    decode: always(0.001),
    credentials: { call: always(0.05), room: 100, keptSeconds: Number.POSITIVE_INFINITY },
    memoryPrompts: 10,
    diskPrompts: 10,
    keptSeconds: Number.POSITIVE_INFINITY,
  };

  it("that find all warm take what their parts take", () => {
    const { p50Seconds, inferSeconds, memoryHits, simulated } = simulateServing(settings);
    // 1 ms + 3 x 4 ms, 10 ms, 6 ms, 1 ms + 4 ms less one half of the work.
    expect(p50Seconds).toBeCloseTo(0.001 + 0.012 + 0.006 + 0.01 + 0.001 + 0.004, 9);
    expect(memoryHits).toBeGreaterThan(0.999);
    expect(inferSeconds).toBeGreaterThanOrEqual(0.006);
    expect(Math.abs(simulated / 20_000 - 1)).toBeLessThan(0.05);
  });

  it("wait for no environment: on two they are refused as Erlang's formula B says", () => {
    // Two calls' worth of work for each second, two places: (4/2) / (1 + 2 + 4/2) = 0.4.
    const one = {
      ...settings,
      work: always(0),
      recordCalls: { before: 0, after: 0 },
      invoke: always(0),
      compute: always(2),
      credentials: { ...settings.credentials, call: always(0) },
      get: always(0),
      decode: always(0),
      api: { ...pool, concurrency: 1000, init: always(0) },
      infer: { ...pool, concurrency: 2, init: always(0) },
    };
    const { throttled } = simulateServing({ ...one, maxRequests: 60_000 });
    expect(Math.abs(throttled - 0.4)).toBeLessThan(0.01);
  });

  it("are the same for the same seed, and others for another", () => {
    const small = { ...settings, tenants: 50, maxRequests: 2_000, compute: { p50: 0.006, p99: 0.02 } };
    expect(simulateServing(small)).toEqual(simulateServing(small));
    expect(simulateServing({ ...small, seed: 2 })).not.toEqual(simulateServing(small));
  });

  it("load prompts as often as environments have no room for them", () => {
    const crowd = { ...settings, tenants: 1000, zipfExponent: 0, memoryPrompts: 250, diskPrompts: 500 };
    const figures = simulateServing({ ...crowd, requestsPerDay: 20_000, maxRequests: 20_000 });
    // Credentials of 100 of the 1000 tenants in `api`, and for those GETs whose tenant isn't among the last 100 there.
    expect(figures.assumes).toBeGreaterThan(0.9);
    expect(figures.assumes).toBeLessThanOrEqual(0.9 + figures.gets + 0.02);
    // One environment is enough, and every prompt is as likely: a quarter is in memory. /tmp has the 500 that were
    // read last, among them the 250 in memory.
    expect(Math.abs(figures.memoryHits - 0.25)).toBeLessThan(0.02);
    expect(figures.gets + figures.memoryHits + (1 - figures.memoryHits) * figures.diskHits).toBeCloseTo(1, 9);
  });
});

describe("jobs", () => {
  const settings = {
    seed: 1,
    dayShape: EVEN,
    days: 40,
    bootSeconds: 0,
    idleSeconds: Number.POSITIVE_INFINITY,
  };

  it("wait on two machines as Erlang's formula C says: M/M/2 at three quarters", () => {
    // Work of 60 s, one every 40 s: C(2, 1.5) = 4.5 / 7, and a wait of C / (2/60 - 1/40) = 77.1 s.
    const jobsPerDay = 86_400 / 40;
    const figures = simulateTuning({
      ...settings,
      jobsPerDay,
      machines: { least: 2, most: 2 },
      jobSeconds: { mean: 60 },
    });
    expect(Math.abs(figures.waitMeanSeconds / (4.5 / 7 / (2 / 60 - 1 / 40)) - 1)).toBeLessThan(0.05);
  });

  it("find no machine at night: each waits for one to start, which ends when idle", () => {
    const figures = simulateTuning({
      ...settings,
      jobsPerDay: 4,
      machines: { least: 0, most: 10 },
      bootSeconds: 120,
      idleSeconds: 300,
      jobSeconds: { p50: 100, p99: 100 },
    });
    expect(figures.waitP50Seconds).toBe(120);
    // Now and then one comes while the machine of another is there.
    expect(figures.machineSecondsPerJob).toBeGreaterThan(480);
    expect(figures.machineSecondsPerJob).toBeLessThanOrEqual(520);
  });

  it("that lose their machine go on elsewhere, a little longer", () => {
    const figures = simulateTuning({
      ...settings,
      jobsPerDay: 24,
      machines: { least: 0, most: 100 },
      bootSeconds: 100,
      idleSeconds: 0,
      jobSeconds: { p50: 3600, p99: 3600 },
      interruptions: { perHour: 0.5, lostSeconds: 10 },
    });
    // Once an hour's half is lost: half a job, on average, with another boot and ten seconds each.
    expect(Math.abs(figures.interrupted / figures.jobs - 0.5)).toBeLessThan(0.05);
    expect(Math.abs(figures.machineSecondsPerJob / (3600 + 100 + 0.5 * 110) - 1)).toBeLessThan(0.02);
  });
});
