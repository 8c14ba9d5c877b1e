import { COMMON } from "./common-environment.ts";
import { lambdaFunction } from "./function.ts";
import { arnOf, settings } from "./here.ts";
import { grounds } from "./layers.ts";
import { asTenant } from "./tenant-role.ts";

/** What is called is a published version: a call during a deployment never meets half of it. */
const ALIAS = "live";

/**
 * One function a backbone, called by `api` and `batch` alone. As itself it may read nothing: a prompt is read as the
 * tenant whose it is. 1,769 MB are one whole processor.
 */
const inferFunctions = new Map([...grounds.keys()].map((backbone) => [backbone, inferFunction(backbone)]));

/** What those who call it are told. */
export const INFER = {
  KILOTUNE_INFER_FUNCTIONS: $jsonStringify(Object.fromEntries(inferFunctions)),
  KILOTUNE_TENANT_ISOLATION: settings.tenantIsolation ? "on" : "off",
};

export function mayInfer() {
  const resources = [...inferFunctions.values()].map(
    (name) => $interpolate`${arnOf("lambda", "function")}:${name}`,
  );
  return { sid: "Infer", actions: ["lambda:InvokeFunction"], resources };
}

function inferFunction(backbone: string): $util.Output<string> {
  const name = `infer-${backbone.toLowerCase()}`;
  const made = lambdaFunction(name, {
    of: "infer",
    memoryMb: 1769,
    timeoutSeconds: 60,
    environment: { ...COMMON, KILOTUNE_BACKBONE: backbone },
    may: [asTenant()],
    ground: grounds.get(backbone)!,
    tenantIsolation: settings.tenantIsolation,
  });
  const alias = new aws.lambda.Alias(`Alias-${name}`, {
    name: ALIAS,
    functionName: made.name,
    functionVersion: made.version,
  });
  if (settings.warmInfer > 0)
    new aws.lambda.ProvisionedConcurrencyConfig(`Warm-${name}`, {
      functionName: made.name,
      qualifier: alias.name,
      provisionedConcurrentExecutions: settings.warmInfer,
    });
  return $interpolate`${made.name}:${alias.name}`;
}
