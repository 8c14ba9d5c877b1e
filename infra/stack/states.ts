import type { FunctionName } from "../../packages/aws/src/functions/functions.ts";
import { COMMON, maySteer, WORKFLOW } from "./common-environment.ts";
import { lambdaFunction } from "./function.ts";
import { INFER, mayInfer } from "./infer.ts";
import { grounds } from "./layers.ts";
import type { Statement } from "./roles.ts";
import { platformRecords } from "./tenant-role.ts";

/** A function each for the states of a job but `Tune`, which is a container. By the names that the definition has. */
export const stateFunctions = {
  Validate: state("validate", { memoryMb: 1024, timeoutSeconds: 900 }),
  Evaluate: state("evaluate", { memoryMb: 3008, timeoutSeconds: 900 }, { backbone: theBackbone() }),
  Publish: state("publish", { memoryMb: 512, timeoutSeconds: 300 }),
  Fail: state("fail", { memoryMb: 512, timeoutSeconds: 60 }),
  // Resumed while it was stopping, a job goes on from here.
  Notify: state("notify", { memoryMb: 512, timeoutSeconds: 300 }, { may: maySteer() }),
} as const;

/** Of a batch, which asks `infer` as the API does. */
export const batchFunction = lambdaFunction("batch", {
  of: "batch",
  memoryMb: 1024,
  timeoutSeconds: 900,
  environment: { ...COMMON, ...WORKFLOW, ...INFER },
  may: [...platformRecords(), mayInfer()],
}).arn;

function state(
  name: FunctionName,
  size: { memoryMb: number; timeoutSeconds: number },
  { backbone, may = [] }: { readonly backbone?: string; readonly may?: readonly Statement[] } = {},
) {
  return lambdaFunction(name, {
    of: name,
    ...size,
    environment: { ...COMMON, ...WORKFLOW, ...(backbone !== undefined && { KILOTUNE_BACKBONE: backbone }) },
    may: [...platformRecords(), ...may],
    ...(backbone !== undefined && { ground: grounds.get(backbone)! }),
  }).arn;
}

/** `Evaluate` is one function, and so has one backbone. */
function theBackbone(): string {
  const [backbone, ...others] = grounds.keys();
  if (backbone !== undefined && others.length === 0) return backbone;
  throw new Error(
    `Expected one backbone in layers.json, saw ${[...grounds.keys()].join(", ")}. A stage serves one so far: deploy another stage for each of the others.`,
  );
}
