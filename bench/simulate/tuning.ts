import { prng } from "@kilotune/dataset";
import { percentile } from "../support/percentile.ts";
import { draw, exponential, type Spread } from "./draws.ts";
import { EventQueue } from "./event-queue.ts";

/** Jobs over some days on a queue of machines, one job a machine, that are started when jobs wait and end when none does. */
export interface TuningSettings {
  readonly seed: number;
  readonly jobsPerDay: number;
  /** What each hour gets, 24 numbers around 1. */
  readonly dayShape: readonly number[];
  readonly days: number;
  readonly machines: { readonly least: number; readonly most: number };
  /** From the decision to start a machine to its first job; billed. */
  readonly bootSeconds: number;
  /** Without a job, before it is ended. */
  readonly idleSeconds: number;
  /** A job's work; a spread, or exponential with that mean. */
  readonly jobSeconds: Spread | { readonly mean: number };
  /** Of spot machines: how often one is taken away, and the work that its job has to do again. */
  readonly interruptions?: { readonly perHour: number; readonly lostSeconds: number };
}

export interface TuningFigures {
  readonly jobs: number;
  readonly waitP50Seconds: number;
  readonly waitP99Seconds: number;
  readonly waitMeanSeconds: number;
  /** Of a job: the machine's, booting and idling included. */
  readonly machineSecondsPerJob: number;
  readonly interrupted: number;
  /** At once. */
  readonly machines: number;
}

/** Waits are of jobs that come after the first tenth of the time. */
export function simulateTuning(settings: TuningSettings): TuningFigures {
  const { machines, bootSeconds, idleSeconds, jobSeconds, interruptions } = settings;
  const arrivals = prng(settings.seed, "tuning arrivals");
  const times = prng(settings.seed, "tuning times");
  const events = new EventQueue<Event>();
  const waiting: Job[] = [];
  const idle: Machine[] = [];
  const waits: number[] = [];
  const end = settings.days * 86_400;
  let now = 0;
  let alive = 0;
  let booting = 0;
  let most = 0;
  let jobs = 0;
  let interrupted = 0;
  let machineSeconds = 0;

  const startMachine = (boot: number) => {
    alive++;
    booting++;
    most = Math.max(most, alive);
    const endsAt =
      interruptions === undefined ? Infinity : now + exponential(times, interruptions.perHour / 3600);
    events.add(now + boot, { does: "ready", machine: { startedAt: now, endsAt, idleSince: now } });
  };
  const endMachine = ({ startedAt, endsAt }: Machine) => {
    alive--;
    machineSeconds += Math.min(now, endsAt) - startedAt;
  };
  const schedule = () => {
    while (waiting.length > 0 && idle.length > 0) {
      const machine = idle.pop() as Machine;
      // Taken away while it had nothing to do.
      if (machine.endsAt <= now) endMachine(machine);
      else run(machine, waiting.shift() as Job);
    }
    while (waiting.length > booting && alive < machines.most) startMachine(bootSeconds);
  };
  const run = (machine: Machine, job: Job) => {
    if (!job.begun && job.cameAt > end / 10) waits.push(now - job.cameAt);
    job.begun = true;
    const done = now + job.left;
    if (done <= machine.endsAt) events.add(done, { does: "done", machine });
    else events.add(machine.endsAt, { does: "lost", machine, job, runFrom: now });
  };
  const free = (machine: Machine) => {
    machine.idleSince = now;
    idle.push(machine);
    events.add(now + idleSeconds, { does: "tire", machine, since: now });
  };

  for (let each = 0; each < machines.least; each++) startMachine(0);
  for (const time of arrivalTimes(settings, () => arrivals.uniform(), end)) {
    const work = "mean" in jobSeconds ? exponential(times, 1 / jobSeconds.mean) : draw(times, jobSeconds);
    events.add(time, { does: "come", job: { cameAt: time, left: work, begun: false } });
  }
  for (let next = events.take(); next !== undefined; next = events.take()) {
    now = next.time;
    const { event } = next;
    if (event.does === "come") {
      jobs++;
      waiting.push(event.job);
    } else if (event.does === "ready") {
      booting--;
      free(event.machine);
    } else if (event.does === "done") free(event.machine);
    else if (event.does === "lost") {
      interrupted++;
      endMachine(event.machine);
      // From its checkpoint, before those that haven't begun.
      event.job.left += (interruptions?.lostSeconds ?? 0) - (now - event.runFrom);
      waiting.unshift(event.job);
    } else if (event.machine.idleSince === event.since && idle.includes(event.machine)) {
      if (alive <= machines.least) continue;
      idle.splice(idle.indexOf(event.machine), 1);
      endMachine(event.machine);
    }
    schedule();
  }
  for (const { startedAt } of idle) machineSeconds += end - startedAt;
  return {
    jobs,
    waitP50Seconds: percentile(waits, 0.5),
    waitP99Seconds: percentile(waits, 0.99),
    waitMeanSeconds: waits.reduce((sum, wait) => sum + wait, 0) / Math.max(1, waits.length),
    machineSecondsPerJob: machineSeconds / Math.max(1, jobs),
    interrupted,
    machines: most,
  };
}

interface Job {
  readonly cameAt: number;
  left: number;
  begun: boolean;
}

interface Machine {
  readonly startedAt: number;
  readonly endsAt: number;
  idleSince: number;
}

type Event =
  | { readonly does: "come"; readonly job: Job }
  | { readonly does: "ready"; readonly machine: Machine }
  | { readonly does: "done"; readonly machine: Machine }
  | { readonly does: "tire"; readonly machine: Machine; readonly since: number }
  | { readonly does: "lost"; readonly machine: Machine; readonly job: Job; readonly runFrom: number };

/** By thinning: at the busiest hour's rate, of which each hour keeps its share. */
function* arrivalTimes(
  { jobsPerDay, dayShape }: TuningSettings,
  uniform: () => number,
  end: number,
): Generator<number> {
  const peak = Math.max(...dayShape);
  const rate = (jobsPerDay / 86_400) * peak;
  for (let time = 0; ; ) {
    time -= Math.log1p(-uniform()) / rate;
    if (time >= end) return;
    const hour = Math.floor(time / 3600) % 24;
    if (uniform() * peak < (dayShape[hour] as number)) yield time;
  }
}
