import { StateMachine, type StateMachineDefinition } from "aws-local-stepfunctions";
import { expect, it } from "vitest";
import { tuneJobDefinition } from "../../packages/worker/src/workflow/definition.ts";
import { batchDefinition } from "./batch-definition.ts";
import { tuneOnBatch } from "./tune-on-batch.ts";

const arn = (name: string) => `arn:aws:batch:eu-central-1:123456789012:job-queue/${name}`;
const place = {
  firstQueue: arn("gpu"),
  laterQueue: arn("gpu-again"),
  jobDefinition: "arn:aws:batch:x:1:job-definition/tune:3",
};
const rendered = tuneOnBatch(
  tuneJobDefinition((state) => `arn:aws:lambda:eu-central-1:123456789012:function:${state}`),
  place,
);
// It writes into what it is given.
const machine = new StateMachine(structuredClone(rendered) as unknown as StateMachineDefinition);

/** @param failures of `Tune` and `Try` (T), by the names that Step Functions gives them */
async function walk(failures: readonly string[], trials: readonly string[] = []) {
  const left = [...failures];
  const tunes: Record<string, unknown>[] = [];
  let letters = "";
  // Step Functions counts; the local engine doesn't.
  const context = { State: { RetryCount: 0 } };
  const handler = (letter: string) => async (input: unknown) => {
    letters += letter;
    if (letter === "V") return { backbone: "tiny", trials };
    if (letter !== "T") return null;
    tunes.push(input as Record<string, unknown>);
    const name = left.shift();
    if (name === undefined) return null;
    context.State.RetryCount++;
    throw Object.assign(new Error("the job's description"), { name });
  };
  const states = ["Validate", "Try", "Tune", "Evaluate", "Publish", "Fail", "Notify"];
  await machine.run(
    { tenant: "tn-abcdefghijklmnop", job: "ftjob-1" },
    {
      context: context as never,
      overrides: {
        taskResourceLocalHandlers: Object.fromEntries(
          states.map((name) => [name, handler(name[0] as string)]),
        ) as never,
        retryIntervalOverrides: { Tune: 0 },
      },
    },
  ).result;
  return { letters, tunes, queues: tunes.map(({ JobQueue }) => JobQueue) };
}

it("submits the job with what the container asks its environment for", async () => {
  const { letters, tunes } = await walk([]);
  expect(letters).toBe("VTEPN");
  expect(tunes).toEqual([
    {
      JobName: "ftjob-1",
      JobQueue: arn("gpu"),
      JobDefinition: place.jobDefinition,
      ShareIdentifier: "abcdefghijklmnop",
      ContainerOverrides: {
        Environment: [
          { Name: "KILOTUNE_TENANT", Value: "tn-abcdefghijklmnop" },
          { Name: "KILOTUNE_JOB", Value: "ftjob-1" },
        ],
      },
    },
  ]);
});

it("tries an interrupted job again where it isn't interrupted", async () => {
  const { letters, queues } = await walk(["States.TaskFailed", "States.TaskFailed"]);
  expect(letters).toBe("VTTTEPN");
  expect(queues).toEqual([arn("gpu"), arn("gpu-again"), arn("gpu-again")]);
});

it("has a queue for every try there can be", async () => {
  const failures = [
    ...Array<string>(5).fill("Batch.AWSBatchException"),
    ...Array<string>(3).fill("States.TaskFailed"),
  ];
  expect((await walk(failures)).letters).toBe(`V${"T".repeat(9)}EPN`);
  expect((await walk([...failures, "States.TaskFailed"])).letters).toBe(`V${"T".repeat(9)}FN`);
});

it("submits each candidate of a sweep with its number, and then the job", async () => {
  const { letters, tunes } = await walk([], ["0", "1"]);
  expect(letters).toBe("VTTTEPN");
  const trial = (Value: string) => ({ Name: "KILOTUNE_TRIAL", Value });
  const environments = tunes.map(
    (each) => (each.ContainerOverrides as { Environment: object[] }).Environment,
  );
  const job = environments[2] as object[];
  expect(environments).toEqual([[...job, trial("0")], [...job, trial("1")], job]);
});

it("differs from the local one in Tune and Try alone", () => {
  const local = tuneJobDefinition((state) => `arn:aws:lambda:eu-central-1:123456789012:function:${state}`);
  const { Tune: _, Sweep, ...others } = rendered.States;
  const { Tune: __, Sweep: sweep, ...same } = local.States;
  expect(others).toEqual(same);
  expect({ ...Sweep, ItemProcessor: {} }).toEqual({ ...sweep, ItemProcessor: {} });
  expect(Sweep.ItemProcessor.States.Try).toMatchObject({ TimeoutSeconds: 1_209_600, End: true });
  expect(rendered.States.Tune).toMatchObject({
    Next: "Evaluate",
    Catch: local.States.Tune.Catch,
    TimeoutSeconds: 1_209_600,
  });
});

it("calls a batch's function until there is no more to do, and fails as a whole where it won't", async () => {
  const shares = new StateMachine(
    batchDefinition(
      "arn:aws:lambda:eu-central-1:123456789012:function:batch",
    ) as unknown as StateMachineDefinition,
  );
  const run = async (answers: readonly (boolean | Error)[]) => {
    const left = [...answers];
    let calls = 0;
    const Share = async (input: unknown) => {
      calls++;
      expect(input).toMatchObject({ tenant: "tn-a", batch: "batch-1" });
      const answer = left.shift() ?? new Error("down");
      if (answer instanceof Error) throw answer;
      return { done: answer };
    };
    const overrides = { taskResourceLocalHandlers: { Share }, retryIntervalOverrides: { Share: 0 } };
    const { result } = shares.run({ tenant: "tn-a", batch: "batch-1" }, { overrides });
    const end = await result.then(
      () => "done",
      () => "failed",
    );
    return { calls, end };
  };
  expect(await run([true])).toEqual({ calls: 1, end: "done" });
  expect(await run([false, false, new Error("busy"), false, true])).toEqual({ calls: 5, end: "done" });
  expect(await run([false])).toEqual({ calls: 10, end: "failed" });
});
