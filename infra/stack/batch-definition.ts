/** The state machine of a batch, around the ARN of the function that does a share of one and says whether there is more. */
export function batchDefinition(functionArn: string) {
  return {
    Comment: "A batch. What was answered is in the store: {tenant, batch} is all that passes.",
    StartAt: "Share",
    States: {
      Share: {
        Type: "Task",
        Resource: functionArn,
        TimeoutSeconds: 900,
        ResultPath: "$.share",
        Retry: [
          {
            ErrorEquals: ["States.ALL"],
            IntervalSeconds: 5,
            MaxAttempts: 8,
            BackoffRate: 2,
            MaxDelaySeconds: 600,
            JitterStrategy: "FULL",
          },
        ],
        Catch: [{ ErrorEquals: ["States.ALL"], ResultPath: "$.failure", Next: "StartedAgainLater" }],
        Next: "More",
      },
      More: {
        Type: "Choice",
        Choices: [{ Variable: "$.share.done", BooleanEquals: true, Next: "Done" }],
        Default: "Share",
      },
      Done: { Type: "Succeed" },
      StartedAgainLater: {
        Comment: "An alarm tells of it; housekeeping starts what hasn't ended.",
        Type: "Fail",
        ErrorPath: "$.failure.Error",
        CausePath: "$.failure.Cause",
      },
    },
  };
}
