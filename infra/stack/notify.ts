import { account, named } from "./here.ts";
import { key } from "./keys.ts";
import { batches, jobs } from "./workflow.ts";

/** Where alarms go. Subscribe whoever is on duty: `aws sns subscribe --topic-arn ..`; see docs/runbook.md. */
export const alarmTopic = topic("alarms");

/**
 * News of executions for the platform's own programs: subscribe queues and functions to it. A tenant's programs hear by
 * signed webhooks, which the function `notify` sends and `housekeeping` sends again.
 */
export const newsTopic = topic("news");

/** What could be delivered nowhere: events of AWS's that no topic and no function took. */
export const deadLetters = new aws.sqs.Queue("DeadLetters", {
  name: named("dead-letters"),
  sqsManagedSseEnabled: true,
  messageRetentionSeconds: 14 * 24 * 3600,
});

const machines = [jobs.arn, batches.arn];

const ends = new aws.cloudwatch.EventRule("ExecutionEnds", {
  name: named("execution-ends"),
  eventPattern: $jsonStringify({
    source: ["aws.states"],
    "detail-type": ["Step Functions Execution Status Change"],
    detail: { stateMachineArn: machines, status: ["SUCCEEDED", "FAILED", "TIMED_OUT", "ABORTED"] },
  }),
});

new aws.cloudwatch.EventTarget("ExecutionEndsNews", {
  rule: ends.name,
  arn: newsTopic.arn,
  deadLetterConfig: { arn: deadLetters.arn },
  retryPolicy: { maximumEventAgeInSeconds: 3600, maximumRetryAttempts: 10 },
});

new aws.sqs.QueuePolicy("DeadLettersPolicy", {
  queueUrl: deadLetters.url,
  policy: aws.iam.getPolicyDocumentOutput({
    statements: [
      {
        principals: [{ type: "Service", identifiers: ["events.amazonaws.com"] }],
        actions: ["sqs:SendMessage"],
        resources: [deadLetters.arn],
        conditions: [{ test: "ArnEquals", variable: "aws:SourceArn", values: [ends.arn] }],
      },
    ],
  }).json,
});

function topic(name: string): aws.sns.Topic {
  const made = new aws.sns.Topic(`Topic-${name}`, { name: named(name), kmsMasterKeyId: key.arn });
  new aws.sns.TopicPolicy(`TopicPolicy-${name}`, {
    arn: made.arn,
    policy: aws.iam.getPolicyDocumentOutput({
      statements: [
        {
          principals: [
            { type: "Service", identifiers: ["cloudwatch.amazonaws.com", "events.amazonaws.com"] },
          ],
          actions: ["sns:Publish"],
          resources: [made.arn],
          conditions: [{ test: "StringEquals", variable: "aws:SourceAccount", values: [account] }],
        },
      ],
    }).json,
  });
  return made;
}
