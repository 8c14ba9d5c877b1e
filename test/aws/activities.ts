import {
  GetActivityTaskCommand,
  SendTaskFailureCommand,
  SendTaskSuccessCommand,
  type SFNClient,
} from "@aws-sdk/client-sfn";
import type { Answer } from "./runtime/runtime.ts";

export type Activities = Readonly<Record<string, (input: unknown) => Promise<Answer>>>;

/**
 * Does the states of executions as Step Functions would have Lambda do them: what is thrown comes back by its name, with
 * the error as JSON around its words.
 */
export function serveActivities(
  client: SFNClient,
  arns: ReadonlyMap<string, string>,
  work: Activities,
): AsyncDisposable {
  const ended = new AbortController();
  const serve = async (state: string, activityArn: string) => {
    while (!ended.signal.aborted) {
      const task = await client
        .send(new GetActivityTaskCommand({ activityArn }), { abortSignal: ended.signal })
        .catch(() => undefined);
      if (task?.taskToken === undefined) continue;
      const { taskToken } = task;
      const { payload = null, error } = await (work[state] as Activities[string])(
        JSON.parse(task.input ?? "{}"),
      );
      const told =
        error === undefined
          ? new SendTaskSuccessCommand({ taskToken, output: JSON.stringify(payload) })
          : new SendTaskFailureCommand({ taskToken, error: error.errorType, cause: JSON.stringify(error) });
      // The execution may have been aborted meanwhile.
      await client.send(told as SendTaskSuccessCommand).catch(() => {});
    }
  };
  const serving = [...arns].map(([state, arn]) => serve(state, arn));
  return {
    async [Symbol.asyncDispose]() {
      ended.abort();
      await Promise.all(serving);
    },
  };
}
