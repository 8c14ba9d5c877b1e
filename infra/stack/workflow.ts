import { tuneJobDefinition } from "../../packages/worker/src/workflow/definition.ts";
import { tunePlace } from "./batch.ts";
import { batchDefinition } from "./batch-definition.ts";
import { arnOf, named } from "./here.ts";
import { logGroup } from "./logs.ts";
import { allow, serviceRole, type Statement } from "./roles.ts";
import { evaluateByBackbone } from "./evaluate-by-backbone.ts";
import { batchFunction, evaluateFunctions, stateFunctions } from "./states.ts";
import { tuneOnBatch } from "./tune-on-batch.ts";

/** A tuning job: the definition that local mode runs, with ARNs in it, and `Tune` as a job of AWS Batch. */
export const jobs = stateMachine(
  "jobs",
  $resolve([$resolve(stateFunctions), $resolve(evaluateFunctions), tunePlace] as const).apply(
    ([states, evaluate, place]) => {
      const definition = tuneJobDefinition((state) => states[state as never] ?? "");
      return JSON.stringify(evaluateByBackbone(tuneOnBatch(definition, place), evaluate));
    },
  ),
  [
    {
      sid: "States",
      actions: ["lambda:InvokeFunction"],
      resources: [...Object.values(stateFunctions), ...Object.values(evaluateFunctions)],
    },
    {
      sid: "Tune",
      actions: ["batch:SubmitJob"],
      resources: [
        tunePlace.firstQueue,
        tunePlace.laterQueue,
        // Of any revision.
        arnOf("batch", `job-definition/${named("tune")}`),
        arnOf("batch", `job-definition/${named("tune")}:*`),
      ],
    },
    // AWS knows no resource for the one, and a job's ARN isn't known beforehand for the other.
    { sid: "Watch", actions: ["batch:DescribeJobs", "batch:TerminateJob"], resources: ["*"] },
    {
      // How Step Functions hears of a job's end.
      sid: "Hear",
      actions: ["events:PutTargets", "events:PutRule", "events:DescribeRule"],
      resources: [arnOf("events", "rule/StepFunctionsGetEventsForBatchJobsRule")],
    },
  ],
);

/** A batch: one function, called until there is no more to do. */
export const batches = stateMachine(
  "batches",
  batchFunction.apply((arn) => JSON.stringify(batchDefinition(arn))),
  [{ sid: "States", actions: ["lambda:InvokeFunction"], resources: [batchFunction] }],
);

/** Not SST's component: it has no JSONPath, no loops, and writes timeouts under another name. */
function stateMachine(name: string, definition: $util.Output<string>, may: Statement[]) {
  const role = serviceRole(`machine-${name}`, "states");
  const logs = logGroup(`machine-${name}`);
  allow(`machine-${name}`, role, [
    ...may,
    { sid: "Traces", actions: ["xray:PutTraceSegments", "xray:PutTelemetryRecords"], resources: ["*"] },
    {
      // Of deliveries, which AWS knows no resource for.
      sid: "Logs",
      actions: [
        "logs:CreateLogDelivery",
        "logs:GetLogDelivery",
        "logs:UpdateLogDelivery",
        "logs:DeleteLogDelivery",
        "logs:ListLogDeliveries",
        "logs:PutResourcePolicy",
        "logs:DescribeResourcePolicies",
        "logs:DescribeLogGroups",
      ],
      resources: ["*"],
    },
  ]);
  return new aws.sfn.StateMachine(`Machine-${name}`, {
    name: named(name),
    type: "STANDARD",
    roleArn: role.arn,
    definition,
    tracingConfiguration: { enabled: true },
    loggingConfiguration: {
      level: "ERROR",
      // Ids and nothing else pass from state to state.
      includeExecutionData: true,
      logDestination: $interpolate`${logs.arn}:*`,
    },
  });
}
