import os from "node:os";

/** A bench is one file of this folder that exports `bench`; `npm run -s bench -- NAME` runs it. */
export interface Bench {
  /** One line for the list. */
  readonly about: string;
  /** The figure to reach, in words. */
  readonly goal: string;
  /** Flags by name, with the value that each has where it isn't given. */
  readonly flags: Flags;
  run(flags: Flags): Promise<Outcome>;
}

export type Flags = Readonly<Record<string, number | boolean>>;

export interface Outcome {
  /** Whatever was measured, ready for JSON: names carry their units. */
  readonly figures: Readonly<Record<string, unknown>>;
  readonly reached: boolean;
}

/** Ties a bench's flags to the type of what `run` is given. */
export function defineBench<const F extends Flags>(bench: {
  about: string;
  goal: string;
  flags: F;
  run(flags: { readonly [name in keyof F]: F[name] extends boolean ? boolean : number }): Promise<Outcome>;
}): Bench {
  return bench as Bench;
}

/** Thrown where the machine lacks what a bench needs: the bench is skipped, aloud. */
export class Unavailable extends Error {
  override readonly name = "Unavailable";
}

/** Words for people; stdout is for the result alone. */
export function say(words: string): void {
  process.stderr.write(`${words}\n`);
}

export function describeMachine(): Record<string, unknown> {
  const [cpu] = os.cpus();
  return {
    cpus: os.availableParallelism(),
    cpu: cpu?.model.trim() ?? "unknown",
    memoryGb: Math.round(os.totalmem() / 1e9),
    node: process.versions.node,
    platform: `${process.platform}-${process.arch}`,
    // Above the number of cores, somebody else was busy and the seconds are not to be trusted.
    load: Math.round((os.loadavg()[0] as number) * 100) / 100,
  };
}
