import { all, type Rule } from "./rules.ts";

/** What tells of what happens: logs, alarms, and what becomes of events that nobody took. */
export const watchRules: Readonly<Record<string, Rule>> = {
  "logs are kept, for a time": (stack, { shape }) => {
    const groups = all(stack, "aws:cloudwatch/logGroup:LogGroup");
    const isGroup = (name: string | undefined) => groups.some(({ inputs }) => inputs.name === name);
    const wanted = { personal: 7, staging: 30, production: 365 }[shape];
    return [
      ...groups
        .filter(({ inputs }) => inputs.retentionInDays !== wanted)
        .map(({ name, inputs }) => `${name}: ${inputs.retentionInDays} days`),
      // Lambda makes a group of its own, kept for ever, where none is named.
      ...all(stack, "aws:lambda/function:Function")
        .filter(
          ({ inputs }) =>
            !isGroup(inputs.loggingConfig?.logGroup) || inputs.loggingConfig.logFormat !== "JSON",
        )
        .map(({ name }) => `${name}: no log group`),
      ...all(stack, "aws:sfn/stateMachine:StateMachine")
        .filter(
          ({ inputs }) =>
            !isGroup(/log-group:([^:]+):\*$/.exec(inputs.loggingConfiguration?.logDestination)?.[1]),
        )
        .map(({ name }) => `${name}: no log group`),
      ...all(stack, "aws:batch/jobDefinition:JobDefinition")
        .filter(
          ({ inputs }) =>
            !isGroup(JSON.parse(inputs.containerProperties).logConfiguration?.options?.["awslogs-group"]),
        )
        .map(({ name }) => `${name}: no log group`),
    ];
  },

  "events that nobody takes end where somebody looks": (stack) => {
    const queues = all(stack, "aws:sqs/queue:Queue").map(({ inputs }) => String(inputs.name));
    const isQueue = (arn: string | undefined) => queues.some((name) => arn?.endsWith(`:${name}`));
    const scheduled = new Set(
      all(stack, "aws:scheduler/schedule:Schedule").map(({ inputs }) => String(inputs.target?.arn)),
    );
    return [
      ...all(stack, "aws:scheduler/schedule:Schedule")
        .filter(({ inputs }) => !isQueue(inputs.target?.deadLetterConfig?.arn))
        .map(({ name }) => name),
      ...all(stack, "aws:cloudwatch/eventTarget:EventTarget")
        .filter(({ inputs }) => !isQueue(inputs.deadLetterConfig?.arn))
        .map(({ name }) => name),
      ...all(stack, "aws:lambda/function:Function")
        .filter(
          ({ inputs }) =>
            [...scheduled].some((arn) => arn.endsWith(`:${inputs.name}`)) &&
            !isQueue(inputs.deadLetterConfig?.targetArn),
        )
        .map(({ name }) => name),
    ];
  },

  "housekeeping is done: webhooks, what was cut off, what has had its time": (stack) => {
    const chores = all(stack, "aws:scheduler/schedule:Schedule").map(
      ({ inputs }) => JSON.parse(inputs.target?.input ?? "{}").chore as string,
    );
    return ["deliver", "restart", "sweep"].filter((chore) => !chores.includes(chore));
  },

  "alarms, where somebody is on duty": (stack, { shape }) => {
    if (shape === "personal") return [];
    const alarms = all(stack, "aws:cloudwatch/metricAlarm:MetricAlarm");
    const topics = all(stack, "aws:sns/topic:Topic").map(({ inputs }) => String(inputs.name));
    const isWatched = (metric: string, dimension: string, value: unknown) =>
      alarms.some(
        ({ inputs }) =>
          inputs.metricName === metric && String(inputs.dimensions?.[dimension]) === String(value),
      );
    const watched = (type: string, dimension: string, metrics: readonly string[], of = "name") =>
      all(stack, type).flatMap(({ name, inputs }) =>
        metrics
          .filter(
            (metric) =>
              !isWatched(metric, dimension, of === "name" ? inputs.name : stateMachineArn(inputs.name)),
          )
          .map((metric) => `${name}: no alarm on ${metric}`),
      );
    return [
      ...watched("aws:lambda/function:Function", "FunctionName", ["Errors", "Throttles"]),
      ...watched(
        "aws:sfn/stateMachine:StateMachine",
        "StateMachineArn",
        ["ExecutionsFailed", "ExecutionsTimedOut"],
        "arn",
      ),
      ...watched("aws:sqs/queue:Queue", "QueueName", ["ApproximateNumberOfMessagesVisible"]),
      ...watched("aws:dynamodb/table:Table", "TableName", ["ThrottledRequests", "SystemErrors"]),
      ...all(stack, "aws:cloudwatch/logGroup:LogGroup")
        .filter(
          ({ inputs }) =>
            !all(stack, "aws:cloudwatch/logMetricFilter:LogMetricFilter").some(
              (filter) => filter.inputs.logGroupName === inputs.name,
            ),
        )
        .map(({ name }) => `${name}: nobody counts its errors`),
      ...alarms
        .filter(
          ({ inputs }) =>
            !inputs.alarmActions?.every((arn: string) => topics.some((topic) => arn.endsWith(`:${topic}`))) ||
            inputs.alarmActions.length === 0,
        )
        .map(({ name }) => `${name}: tells nobody`),
      ...alarms.filter(({ inputs }) => !inputs.treatMissingData).map(({ name }) => `${name}: missing data`),
    ];
  },
};

function stateMachineArn(name: string): string {
  return `arn:aws:states:us-east-1:123456789012:stateMachine:${name}`;
}
