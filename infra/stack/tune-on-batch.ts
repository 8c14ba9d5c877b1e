import type { TuneJobDefinition } from "../../packages/worker/src/workflow/definition.ts";

/** Where the containers run: ARNs. The first try is where it's cheap and may be interrupted, every later one where it isn't. */
export interface TunePlace {
  readonly firstQueue: string;
  readonly laterQueue: string;
  readonly jobDefinition: string;
}

/**
 * The state machine with its states `Tune` and `Try` as jobs of AWS Batch, waited for. A job that was interrupted goes on from its
 * checkpoint: it's the same state once more. What a container had to say of a job that can't be done, it has written down
 * itself, since Batch hands on an exit code alone: so what fails here failed for another reason, and is tried again.
 *
 * No `HeartbeatSeconds`: Batch sends none, and the state would fail at the first one missed. A machine that dies is noticed
 * by Batch, a process that hangs by its container (`childCompute`), that one by the job definition's own timeout.
 */
export function tuneOnBatch(definition: TuneJobDefinition, place: TunePlace) {
  const { Sweep, Tune } = definition.States;
  const trial = { Name: "KILOTUNE_TRIAL", "Value.$": "$.trial" };
  const { States } = Sweep.ItemProcessor;
  return {
    ...definition,
    States: {
      ...definition.States,
      Sweep: {
        ...Sweep,
        ItemProcessor: { ...Sweep.ItemProcessor, States: { Try: onBatch(States.Try, place, [trial]) } },
      },
      Tune: onBatch(Tune, place),
    },
  };
}

function onBatch<Task extends object>(task: Task, place: TunePlace, more: readonly object[] = []) {
  return {
    ...task,
    Resource: "arn:aws:states:::batch:submitJob.sync",
    Parameters: {
      "JobName.$": "$.job",
      "JobQueue.$": queueByTry(place),
      JobDefinition: place.jobDefinition,
      // Turns between tenants. A share's name takes letters and digits: `tn-abc` -> `abc`.
      "ShareIdentifier.$": "States.ArrayGetItem(States.StringSplit($.tenant, '-'), 1)",
      ContainerOverrides: {
        Environment: [
          { Name: "KILOTUNE_TENANT", "Value.$": "$.tenant" },
          { Name: "KILOTUNE_JOB", "Value.$": "$.job" },
          ...more,
        ],
      },
    },
    Retry: RETRY,
  };
}

const RETRY = [
  // The call itself.
  {
    ErrorEquals: ["Batch.AWSBatchException", "Batch.ServerException", "Batch.SdkClientException"],
    IntervalSeconds: 2,
    MaxAttempts: 5,
    BackoffRate: 2,
    JitterStrategy: "FULL",
  },
  // The job: no capacity, interrupted too often, dead. It stands for every other error, too, but for a timeout.
  {
    ErrorEquals: ["States.TaskFailed"],
    IntervalSeconds: 30,
    MaxAttempts: 3,
    BackoffRate: 2,
  },
];

/** As an intrinsic function of the count of retries, since a retried state has the same parameters. */
function queueByTry({ firstQueue, laterQueue }: TunePlace): string {
  const most = RETRY.reduce((sum, { MaxAttempts }) => sum + MaxAttempts, 0);
  const queues = [firstQueue, ...Array<string>(most).fill(laterQueue)];
  return `States.ArrayGetItem(States.Array(${queues.map((arn) => `'${arn}'`).join(", ")}), $$.State.RetryCount)`;
}
