import { functions, METRICS_NAMESPACE } from "./function.ts";
import { named, settings } from "./here.ts";
import { groups } from "./logs.ts";
import { alarmTopic, deadLetters } from "./notify.ts";
import { table } from "./table.ts";
import { batches, jobs } from "./workflow.ts";

/* Each tells what to do in docs/runbook.md, under its name. A personal stage has nobody on duty, and none. */

if (settings.alarms) {
  ofFunctions();
  ofMachines();
  ofTable();
  ofLogs();
  alarm("dead-letters", "Events could be delivered nowhere.", {
    namespace: "AWS/SQS",
    metricName: "ApproximateNumberOfMessagesVisible",
    dimensions: { QueueName: deadLetters.name },
    statistic: "Maximum",
    threshold: 1,
  });
}

function ofFunctions(): void {
  for (const [name, { name: FunctionName }] of functions) {
    alarm(`${name}-errors`, "Calls of the function ended by an error nobody foresaw.", {
      namespace: "AWS/Lambda",
      metricName: "Errors",
      dimensions: { FunctionName },
      // One may be a bad day of AWS's; states are tried again.
      threshold: name === "api" || name.startsWith("infer") ? 5 : 2,
    });
    alarm(`${name}-throttles`, "Calls were refused: the account's concurrency is used up.", {
      namespace: "AWS/Lambda",
      metricName: "Throttles",
      dimensions: { FunctionName },
      threshold: 1,
    });
  }

  alarm("api-slow", "A tenth of the calls took longer than three seconds.", {
    namespace: "AWS/Lambda",
    metricName: "Duration",
    dimensions: { FunctionName: functions.get("api")!.name },
    extendedStatistic: "p90",
    threshold: 3000,
    evaluationPeriods: 3,
  });

  alarm("housekeeping-silent", "Housekeeping hasn't run for a quarter of an hour.", {
    namespace: "AWS/Lambda",
    metricName: "Invocations",
    dimensions: { FunctionName: functions.get("housekeeping")!.name },
    comparisonOperator: "LessThanThreshold",
    threshold: 1,
    periodSeconds: 900,
    treatMissingData: "breaching",
  });
}

function ofMachines(): void {
  for (const [name, { arn: StateMachineArn }] of Object.entries({ jobs, batches }))
    for (const [word, metricName] of [
      ["failed", "ExecutionsFailed"],
      ["timed-out", "ExecutionsTimedOut"],
      ["throttled", "ExecutionThrottled"],
    ] as const)
      alarm(`${name}-${word}`, "Executions ended as a whole, or wait for their turn at AWS.", {
        namespace: "AWS/States",
        metricName,
        dimensions: { StateMachineArn },
        threshold: 1,
      });
}

function ofTable(): void {
  for (const metricName of ["ThrottledRequests", "SystemErrors"] as const)
    for (const Operation of ["GetItem", "Query", "UpdateItem", "TransactWriteItems"])
      alarm(`table-${metricName}-${Operation}`, "DynamoDB refuses or fails.", {
        namespace: "AWS/DynamoDB",
        metricName,
        dimensions: { TableName: table.name, Operation },
        threshold: 5,
      });
}

function ofLogs(): void {
  // Faults that don't end a call, a store that denies or a prompt that is damaged, are lines of a log alone.
  for (const [name, group] of groups)
    new aws.cloudwatch.LogMetricFilter(`Faults-${name}`, {
      name: named(`faults-${name}`),
      logGroupName: group.name,
      pattern: '{ ($.level = "ERROR") || ($.level = "CRITICAL") }',
      metricTransformation: {
        namespace: METRICS_NAMESPACE,
        name: "Faults",
        value: "1",
        defaultValue: "0",
      },
    });
  alarm("faults", "Lines of the level ERROR in the logs.", {
    namespace: METRICS_NAMESPACE,
    metricName: "Faults",
    threshold: 5,
  });
}

interface AlarmOptions {
  readonly namespace: string;
  readonly metricName: string;
  readonly dimensions?: Record<string, $util.Input<string>>;
  readonly threshold: number;
  readonly statistic?: string;
  readonly extendedStatistic?: string;
  readonly comparisonOperator?: string;
  readonly evaluationPeriods?: number;
  readonly periodSeconds?: number;
  readonly treatMissingData?: string;
}

function alarm(name: string, description: string, options: AlarmOptions): void {
  const { periodSeconds = 300, extendedStatistic, statistic = "Sum", ...rest } = options;
  new aws.cloudwatch.MetricAlarm(`Alarm-${name}`, {
    name: named(name),
    alarmDescription: `${description} See docs/runbook.md, ${name}.`,
    comparisonOperator: "GreaterThanOrEqualToThreshold",
    evaluationPeriods: 1,
    treatMissingData: "notBreaching",
    period: periodSeconds,
    ...(extendedStatistic === undefined ? { statistic } : { extendedStatistic }),
    ...rest,
    alarmActions: [alarmTopic.arn],
    okActions: [alarmTopic.arn],
  });
}
