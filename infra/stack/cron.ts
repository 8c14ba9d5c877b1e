import { COMMON, maySteer, WORKFLOW } from "./common-environment.ts";
import { lambdaFunction } from "./function.ts";
import { named } from "./here.ts";
import { deadLetters } from "./notify.ts";
import { allow, serviceRole } from "./roles.ts";
import { platformRecords } from "./tenant-role.ts";

/**
 * What must be done whether or not anybody calls: webhooks that are due, executions that were cut off, what has had its
 * time. Usage needs no rolling up: it is counted by day and model as it happens.
 */
const housekeeping = lambdaFunction("housekeeping", {
  of: "housekeeping",
  memoryMb: 512,
  timeoutSeconds: 900,
  environment: { ...COMMON, ...WORKFLOW },
  may: [
    ...platformRecords(),
    ...maySteer(),
    { sid: "DeadLetters", actions: ["sqs:SendMessage"], resources: [deadLetters.arn] },
  ],
  deadLetters: deadLetters.arn,
});

/** What each is called with. */
const CHORES = {
  deliver: "rate(1 minute)",
  restart: "rate(15 minutes)",
  sweep: "rate(1 hour)",
} as const;

const clock = serviceRole("clock", "scheduler");
allow("clock", clock, [
  { sid: "Housekeeping", actions: ["lambda:InvokeFunction"], resources: [housekeeping.arn] },
  { sid: "DeadLetters", actions: ["sqs:SendMessage"], resources: [deadLetters.arn] },
]);

for (const [chore, scheduleExpression] of Object.entries(CHORES))
  new aws.scheduler.Schedule(`Schedule-${chore}`, {
    name: named(chore),
    scheduleExpression,
    flexibleTimeWindow: { mode: "OFF" },
    target: {
      arn: housekeeping.arn,
      roleArn: clock.arn,
      input: JSON.stringify({ chore }),
      deadLetterConfig: { arn: deadLetters.arn },
      retryPolicy: { maximumEventAgeInSeconds: 300, maximumRetryAttempts: 2 },
    },
  });
