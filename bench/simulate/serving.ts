import { type Prng, prng } from "@kilotune/dataset";
import { percentile } from "../support/percentile.ts";
import { draw, exponential, type Spread, zipf } from "./draws.ts";
import { EventQueue } from "./event-queue.ts";
import { type Environment, LambdaPool, type PoolSettings } from "./lambda-pool.ts";
import { Lru } from "./lru.ts";

/** Calls of POST /v1/classify over a day, by two functions: `api` asks `infer`, and waits for it. Times in seconds. */
export interface ServingSettings {
  readonly seed: number;
  readonly tenants: number;
  readonly requestsPerDay: number;
  /** Of Zipf's law over tenants, each with one model in use. */
  readonly zipfExponent: number;
  /** What each hour gets, 24 numbers around 1. */
  readonly dayShape: readonly number[];
  /** Most calls that are simulated; a busier day's hours are shortened to that, their rates kept. */
  readonly maxRequests: number;
  readonly api: PoolSettings & { readonly init: Spread };
  readonly infer: PoolSettings & { readonly init: Spread };
  /** In `api` but for its calls of others. */
  readonly work: Spread;
  /** One after another, before and after `infer` is asked. */
  readonly recordCalls: { readonly before: number; readonly after: number };
  readonly recordCall: Spread;
  /** From `api` to `infer` and back, over the work itself. */
  readonly invoke: Spread;
  readonly compute: Spread;
  /** Of a prompt: from S3, from /tmp, and what is done with its bytes. */
  readonly get: Spread;
  readonly read: Spread;
  readonly decode: Spread;
  /** Of a tenant, without which `api` reads none of its records and `infer` none of its blobs. */
  readonly credentials: { readonly call: Spread; readonly room: number; readonly keptSeconds: number };
  /** Prompts that an environment of `infer` has room for, and how long it keeps any. */
  readonly memoryPrompts: number;
  readonly diskPrompts: number;
  readonly keptSeconds: number;
}

export interface ServingFigures {
  readonly simulated: number;
  /** Refused by Lambda: no environment was to be had. */
  readonly throttled: number;
  readonly p50Seconds: number;
  readonly p99Seconds: number;
  /** Shares of calls. */
  readonly apiCold: number;
  readonly inferCold: number;
  readonly memoryHits: number;
  /** Of those that missed the memory. */
  readonly diskHits: number;
  /** A call, on average; initialisations included, as they are billed. */
  readonly apiSeconds: number;
  readonly inferSeconds: number;
  readonly gets: number;
  readonly assumes: number;
  /** At once, at most. */
  readonly apiEnvironments: number;
  readonly inferEnvironments: number;
}

/** A prompt asked for in an environment of `infer`, in order: what a real cache can be given. */
export interface Use {
  readonly environment: number;
  readonly prompt: number;
}

/** The day is counted after six hours that aren't: environments and caches are as another day left them. */
export function simulateServing(
  settings: ServingSettings,
  onUse: (use: Use) => void = () => {},
): ServingFigures {
  const random = streams(settings.seed);
  const tenants = zipf(settings.tenants, settings.zipfExponent);
  const { credentials } = settings;
  let now = 0;
  const noCredentials = () => new Lru(credentials.room, credentials.keptSeconds);
  const api = new LambdaPool<ApiEnvironment>(settings.api, random.api, (environment) => ({
    ...environment,
    credentials: noCredentials(),
  }));
  const infer = new LambdaPool<InferEnvironment>(settings.infer, random.infer, (environment) => ({
    ...environment,
    credentials: noCredentials(),
    memory: new Lru(settings.memoryPrompts),
    disk: new Lru(settings.diskPrompts),
    clearsAt: now + settings.keptSeconds,
  }));
  const events = new EventQueue<Event>();
  const tally = new Tally();
  const { dayShape } = settings;
  const hourSeconds = Math.min(3600, (86_400 * settings.maxRequests) / settings.requestsPerDay / 24);
  const perSecond = settings.requestsPerDay / 86_400;

  const arrive = () => {
    const call: Call = { arrivedAt: now, tenant: tenants.draw(random.tenants) };
    const got = api.acquire(now);
    if (got === undefined) {
      tally.throttled++;
      return;
    }
    const init = got.cold ? draw(random.times, settings.api.init) : 0;
    tally.apiCold += got.cold ? 1 : 0;
    tally.apiSeconds += init;
    const wait = init + assume(call.tenant, got.environment) + work(settings.recordCalls.before);
    events.add(now + wait, { does: "ask", call, api: got.environment, begunAt: now + init });
  };
  const assume = (tenant: number, environment: ApiEnvironment) => {
    if (environment.credentials.use(tenant, now)) return 0;
    tally.assumes++;
    return draw(random.times, credentials.call);
  };
  const work = (recordCalls: number) => {
    let seconds = draw(random.times, settings.work) / 2;
    for (let each = 0; each < recordCalls; each++) seconds += draw(random.times, settings.recordCall);
    return seconds;
  };
  const ask = (event: Event & { does: "ask" }) => {
    const got = infer.acquire(now);
    if (got === undefined) {
      tally.throttled++;
      finish(event, now + work(0));
      return;
    }
    const init = got.cold ? draw(random.times, settings.infer.init) : 0;
    const run = find(event.call.tenant, got.environment) + draw(random.times, settings.compute);
    tally.inferCold += got.cold ? 1 : 0;
    tally.inferSeconds += init + run;
    events.add(now + init + run, { does: "free", environment: got.environment });
    const answered = now + init + run + draw(random.times, settings.invoke);
    finish(event, answered + work(settings.recordCalls.after), event.call.arrivedAt);
  };
  /** Seconds until the prompt is in memory. */
  const find = (prompt: number, environment: InferEnvironment) => {
    const { memory, disk } = environment;
    if (now >= environment.clearsAt) {
      memory.clear();
      disk.clear();
      environment.clearsAt = now + settings.keptSeconds;
    }
    onUse({ environment: environment.id, prompt });
    if (memory.use(prompt)) {
      tally.memoryHits++;
      return 0;
    }
    const decode = draw(random.times, settings.decode);
    if (disk.use(prompt)) {
      tally.diskHits++;
      return draw(random.times, settings.read) + decode;
    }
    tally.gets++;
    return assume(prompt, environment) + draw(random.times, settings.get) + decode;
  };
  const finish = (event: Event & { does: "ask" }, at: number, arrivedAt?: number) => {
    tally.apiSeconds += at - event.begunAt;
    if (arrivedAt !== undefined) tally.latencies.push(at - arrivedAt);
    events.add(at, { does: "done", environment: event.api });
  };

  let isCounted = false;
  events.add(0, { does: "arrive" });
  for (let next = events.take(); next !== undefined; next = events.take()) {
    now = next.time;
    const hour = Math.floor(now / hourSeconds) - WARM_UP_HOURS;
    if (hour >= 0 && !isCounted) {
      isCounted = true;
      tally.reset(api, infer);
    }
    const { event } = next;
    if (event.does === "arrive") {
      if (hour >= 24) continue;
      arrive();
      const rate = perSecond * (dayShape[(hour + 24) % 24] as number);
      events.add(now + exponential(random.arrivals, rate), event);
    } else if (event.does === "ask") ask(event);
    else if (event.does === "free") infer.release(event.environment, now);
    else api.release(event.environment, now);
  }
  return tally.figures(api, infer);
}

const WARM_UP_HOURS = 6;

interface ApiEnvironment extends Environment {
  readonly credentials: Lru;
}

interface InferEnvironment extends ApiEnvironment {
  readonly memory: Lru;
  readonly disk: Lru;
  clearsAt: number;
}

interface Call {
  readonly arrivedAt: number;
  /** Its rank; its prompt's too. */
  readonly tenant: number;
}

type Event =
  | { readonly does: "arrive" }
  | { readonly does: "ask"; readonly call: Call; readonly api: ApiEnvironment; readonly begunAt: number }
  | { readonly does: "free"; readonly environment: InferEnvironment }
  | { readonly does: "done"; readonly environment: ApiEnvironment };

class Tally {
  latencies: number[] = [];
  throttled = 0;
  apiCold = 0;
  inferCold = 0;
  memoryHits = 0;
  diskHits = 0;
  gets = 0;
  assumes = 0;
  apiSeconds = 0;
  inferSeconds = 0;

  reset(...pools: { busiest: number }[]): void {
    Object.assign(this, new Tally());
    for (const pool of pools) pool.busiest = 0;
  }

  figures(api: { busiest: number }, infer: { busiest: number }): ServingFigures {
    const count = this.latencies.length;
    const missed = this.diskHits + this.gets;
    return {
      simulated: count,
      throttled: this.throttled / (count + this.throttled),
      p50Seconds: percentile(this.latencies, 0.5),
      p99Seconds: percentile(this.latencies, 0.99),
      apiCold: this.apiCold / count,
      inferCold: this.inferCold / count,
      memoryHits: this.memoryHits / count,
      diskHits: missed === 0 ? 0 : this.diskHits / missed,
      apiSeconds: this.apiSeconds / count,
      inferSeconds: this.inferSeconds / count,
      gets: this.gets / count,
      assumes: this.assumes / count,
      apiEnvironments: api.busiest,
      inferEnvironments: infer.busiest,
    };
  }
}

/** One for each purpose: a change to one leaves the others' draws as they are. */
function streams(seed: number): Record<"arrivals" | "tenants" | "times" | "api" | "infer", Prng> {
  const of = (name: string) => prng(seed, `serving ${name}`);
  return {
    arrivals: of("arrivals"),
    tenants: of("tenants"),
    times: of("times"),
    api: of("api"),
    infer: of("infer"),
  };
}
