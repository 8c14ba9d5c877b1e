import { StateMachine, type StateMachineDefinition } from "aws-local-stepfunctions";
import { describe, expect, it } from "vitest";
import { JobFailed, JobStopped, TryAgain, WorkerDied } from "../states/state-error.ts";
import { STATES } from "../states/states.ts";
import { tuneJobDefinition } from "./definition.ts";

/** Every way through the one definition, walked by the local engine: what each state answers is seeded. */
const machine = new StateMachine(
  tuneJobDefinition(
    (state) => `arn:aws:lambda:local:000000000000:function:${state}`,
  ) as StateMachineDefinition,
);

/** A letter a call: V T E P are the work, C tries a candidate, F writes a failure down, N comes last. */
const LETTERS = {
  Validate: "V",
  Try: "C",
  Tune: "T",
  Evaluate: "E",
  Publish: "P",
  Fail: "F",
  Notify: "N",
} as const;
type Name = keyof typeof LETTERS;

/** The errors of a state's calls, in order; the calls after them answer. */
type Seeds = { readonly [State in Name]?: readonly Error[] };

/** @returns the letters, the input of `Fail`, and whether the execution succeeded */
async function walk(seeds: Seeds, trials: string[] = []) {
  let letters = "";
  let failure: unknown;
  const handler = (name: Name) => {
    const left = [...(seeds[name] ?? [])];
    return async (input: unknown) => {
      letters += LETTERS[name];
      if (name === "Fail") failure = (input as { failure: unknown }).failure;
      // What passes from state to state is the same, whatever happened before.
      expect(input).toMatchObject({ tenant: "tn-a", job: "ftjob-1" });
      const error = left.shift();
      if (error !== undefined) throw error;
      return name === "Validate" ? { backbone: "tiny", trials } : null;
    };
  };
  const names = Object.keys(STATES) as Name[];
  const { result } = machine.run(
    { tenant: "tn-a", job: "ftjob-1" },
    {
      overrides: {
        taskResourceLocalHandlers: Object.fromEntries(names.map((name) => [name, handler(name)])),
        retryIntervalOverrides: Object.fromEntries(names.map((name) => [name, 0])),
      },
    },
  );
  const isDone = await result.then(
    () => true,
    () => false,
  );
  return { letters, failure: failure as { Error: string; Cause: string } | undefined, isDone };
}

const told = { code: "busy", message: "words", param: null };
const failed = new JobFailed(told);
const stopped = new JobStopped("cancelled");
const again = new TryAgain(told);
const died = new WorkerDied("killed");
const named = (name: string) => Object.assign(new Error("AWS's own"), { name });
const times = (count: number, error: Error) => Array<Error>(count).fill(error);

const WORK = ["Validate", "Tune", "Evaluate", "Publish"] as const;
const BEFORE = { Validate: "", Tune: "V", Evaluate: "VT", Publish: "VTE" } as const;
const AFTER = { Validate: "TEP", Tune: "EP", Evaluate: "P", Publish: "" } as const;

it("goes straight through", async () => {
  expect(await walk({})).toEqual({ letters: "VTEPN", failure: undefined, isDone: true });
});

it.each(WORK)("a stop in %s leads to the last state, and nothing is written down", async (name) => {
  const letters = `${BEFORE[name]}${LETTERS[name]}N`;
  expect(await walk({ [name]: [stopped] })).toEqual({ letters, failure: undefined, isDone: true });
});

it.each(WORK)("a failure in %s is written down, with its words, and told", async (name) => {
  const { letters, failure, isDone } = await walk({ [name]: [failed] });
  expect(letters).toBe(`${BEFORE[name]}${LETTERS[name]}FN`);
  expect(failure).toEqual({ Error: "JobFailed", Cause: JSON.stringify(told) });
  expect(isDone).toBe(true);
});

it.each(WORK)("what may pass in %s is tried five times more, then it's a failure", async (name) => {
  const letter = LETTERS[name];
  const passes = `${BEFORE[name]}${letter.repeat(6)}${AFTER[name]}N`;
  expect(await walk({ [name]: times(5, again) })).toMatchObject({ letters: passes, isDone: true });
  const fails = `${BEFORE[name]}${letter.repeat(6)}FN`;
  expect(await walk({ [name]: times(6, again) })).toMatchObject({ letters: fails, isDone: true });
});

it.each(WORK)("a process that dies in %s is another's to go on from, twice", async (name) => {
  const letter = LETTERS[name];
  const passes = `${BEFORE[name]}${letter.repeat(3)}${AFTER[name]}N`;
  expect((await walk({ [name]: times(2, died) })).letters).toBe(passes);
  const { letters, failure } = await walk({ [name]: times(3, died) });
  expect(letters).toBe(`${BEFORE[name]}${letter.repeat(3)}FN`);
  expect(failure?.Error).toBe("WorkerDied");
});

it.each(["Validate", "Evaluate", "Publish"] as const)(
  "a fault of Lambda's own in %s is tried again",
  async (name) => {
    for (const fault of LAMBDA_FAULTS) {
      const letters = `${BEFORE[name]}${LETTERS[name].repeat(2)}${AFTER[name]}N`;
      expect((await walk({ [name]: [named(fault)] })).letters, fault).toBe(letters);
    }
  },
);

/** By AWS's "Handle transient Lambda service exceptions", and what it calls a process that died. */
const LAMBDA_FAULTS = [
  "Runtime.ExitError",
  "Sandbox.Timedout",
  "Lambda.Unknown",
  "Lambda.ServiceException",
  "Lambda.AWSLambdaException",
  "Lambda.SdkClientException",
  "Lambda.TooManyRequestsException",
];

it.each(WORK)("what nobody foresaw in %s isn't tried again: it fails the job", async (name) => {
  const { letters, failure } = await walk({ [name]: [named("TypeError")] });
  expect(letters).toBe(`${BEFORE[name]}${LETTERS[name]}FN`);
  expect(failure?.Error).toBe("TypeError");
});

it("a stop after some tries is a stop", async () => {
  expect((await walk({ Tune: [again, died, stopped] })).letters).toBe("VTTTN");
});

it.each(["Fail", "Notify"] as const)("%s is tried until it's done, or the execution fails", async (name) => {
  const before = name === "Fail" ? "VF" : "VTEPN";
  const seeds: Seeds = name === "Fail" ? { Validate: [failed] } : {};
  const after = name === "Fail" ? "N" : "";
  const letter = LETTERS[name];
  const passes = await walk({ ...seeds, [name]: times(5, again) });
  expect(passes).toMatchObject({ letters: `${before}${letter.repeat(5)}${after}`, isDone: true });
  // The job's record isn't final: what looks after executions that were cut off starts it again.
  const fails = await walk({ ...seeds, [name]: times(6, again) });
  expect(fails).toMatchObject({ letters: `${before}${letter.repeat(5)}`, isDone: false });
});

describe("a sweep", () => {
  const trials = ["0", "1", "2"];

  it("tries every candidate before it tunes", async () => {
    expect(await walk({}, trials)).toMatchObject({ letters: "VCCCTEPN", isDone: true });
  });

  it("of which a candidate is stopped leads to the last state, and nothing is written down", async () => {
    const { letters, failure, isDone } = await walk({ Try: [stopped] }, trials);
    expect(letters).toMatch(/^VC+N$/);
    expect([failure, isDone]).toEqual([undefined, true]);
  });

  it("of which a candidate fails is written down, with its words, and told", async () => {
    const { letters, failure } = await walk({ Try: [failed] }, trials);
    expect(letters).toMatch(/^VC+FN$/);
    expect(failure).toEqual({ Error: "JobFailed", Cause: JSON.stringify(told) });
  });

  it("goes on where a candidate's process died or its machine was busy", async () => {
    const letters = async (errors: readonly Error[]) => (await walk({ Try: errors }, ["0"])).letters;
    expect(await letters(times(2, died))).toBe("VCCCTEPN");
    expect(await letters(times(3, died))).toBe("VCCCFN");
    expect(await letters(times(5, again))).toBe("VCCCCCCTEPN");
    expect(await letters(times(6, again))).toBe("VCCCCCCFN");
  });
});
