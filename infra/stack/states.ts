import type { FunctionName } from "../../packages/aws/src/functions/functions.ts";
import { COMMON, maySteer, WORKFLOW } from "./common-environment.ts";
import { type FunctionOptions, lambdaFunction, SCRATCH_MB } from "./function.ts";
import { INFER, mayInfer } from "./infer.ts";
import { type Ground, grounds } from "./layers.ts";
import type { Statement } from "./roles.ts";
import { platformRecords } from "./tenant-role.ts";

/** A function each for the states of a job but `Tune`, which is a container. By the names that the definition has. */
export const stateFunctions = {
  Validate: state("validate", { memoryMb: 1024, timeoutSeconds: 900, scratchMb: SCRATCH_MB }),
  Publish: state("publish", { memoryMb: 512, timeoutSeconds: 300 }),
  Fail: state("fail", { memoryMb: 512, timeoutSeconds: 60 }),
  // Resumed while it was stopping, a job goes on from here.
  Notify: state("notify", { memoryMb: 512, timeoutSeconds: 300 }, { may: maySteer() }),
} as const;

/** The function of the state `Evaluate`, once a backbone, by its id. */
export const evaluateFunctions = Object.fromEntries(
  [...grounds].map(([backbone, ground]) => [
    backbone,
    state(
      "evaluate",
      { memoryMb: 3008, timeoutSeconds: 900, scratchMb: SCRATCH_MB },
      { holds: { backbone, ground } },
    ),
  ]),
);

/** Of a batch, which asks `infer` as the API does. */
export const batchFunction = lambdaFunction("batch", {
  of: "batch",
  memoryMb: 1024,
  timeoutSeconds: 900,
  environment: { ...COMMON, ...WORKFLOW, ...INFER },
  may: [...platformRecords(), mayInfer()],
}).arn;

function state(
  of: FunctionName,
  size: Pick<FunctionOptions, "memoryMb" | "timeoutSeconds" | "scratchMb">,
  { holds, may = [] }: { readonly holds?: Held; readonly may?: readonly Statement[] } = {},
) {
  return lambdaFunction(holds === undefined ? of : `${of}-${holds.backbone.toLowerCase()}`, {
    of,
    ...size,
    environment: {
      ...COMMON,
      ...WORKFLOW,
      ...(holds !== undefined && { KILOTUNE_BACKBONE: holds.backbone }),
    },
    may: [...platformRecords(), ...may],
    ...(holds !== undefined && { ground: holds.ground }),
  }).arn;
}

interface Held {
  readonly backbone: string;
  readonly ground: Ground;
}
