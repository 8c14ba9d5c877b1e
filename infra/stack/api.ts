import { COMMON, maySteer, WORKFLOW } from "./common-environment.ts";
import { lambdaFunction, SCRATCH_MB } from "./function.ts";
import { INFER, mayInfer } from "./infer.ts";
import { adminKeyHash } from "./secrets.ts";
import { platformRecords } from "./tenant-role.ts";

/** The API. It holds no backbone: it asks `infer`. */
export const api = lambdaFunction("api", {
  of: "api",
  memoryMb: 1024,
  // Parts of an upload are linted as one file.
  scratchMb: SCRATCH_MB,
  // Events of a job are told for as long as somebody listens; who wants more asks again.
  timeoutSeconds: 300,
  environment: { ...COMMON, ...WORKFLOW, ...INFER, KILOTUNE_ADMIN_KEY_HASH: adminKeyHash },
  may: [...platformRecords(), ...maySteer(), mayInfer()],
});

/**
 * The front door, and the only thing here that the internet reaches: callers have keys of ours, not of AWS. A function's own
 * URL, since HTTP APIs don't stream.
 */
const door = new aws.lambda.FunctionUrl("ApiUrl", {
  functionName: api.name,
  authorizationType: "NONE",
  invokeMode: "RESPONSE_STREAM",
});

export const url = door.functionUrl;

new aws.lambda.Permission("ApiDoor", {
  statementId: "door",
  function: api.name,
  principal: "*",
  action: "lambda:InvokeFunctionUrl",
  functionUrlAuthType: "NONE",
});

// Needed as well since October 2025, for calls that come through the URL alone.
new aws.lambda.Permission("ApiDoorInvoke", {
  statementId: "door-invoke",
  function: api.name,
  principal: "*",
  action: "lambda:InvokeFunction",
  invokedViaFunctionUrl: true,
});
