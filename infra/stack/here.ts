import { artifactsIn } from "./artifacts.ts";
import { settingsOf } from "./settings.ts";

/** Where and as what this stack is deployed. */
export const settings = settingsOf($app.stage, {
  ...(process.env.KILOTUNE_TENANT_ISOLATION && { tenantIsolation: process.env.KILOTUNE_TENANT_ISOLATION }),
});

/** What is deployed; SST runs this in the folder of sst.config.ts. */
export const built = artifactsIn(process.env.KILOTUNE_ARTIFACTS || "out/aws");

export const account = aws.getCallerIdentityOutput({}).accountId;
export const region = aws.getRegionOutput({}).region;
export const partition = aws.getPartitionOutput({}).partition;

/** Of everything that has a name people read, and policies compare: unlike Pulumi's own names it is known beforehand. */
export function named(what: string): string {
  const name = `${$app.name}-${$app.stage}-${what}`;
  if (name.length <= MOST_LETTERS) return name;
  throw new Error(
    `${name}: expected a name of at most ${MOST_LETTERS} letters, saw ${name.length}. Choose a shorter name for the stage.`,
  );
}

/** Of roles, functions, rules and schedules. */
const MOST_LETTERS = 64;

/** Known before the resource is there, so that two may name each other. */
export function arnOf(service: string, rest: string) {
  return $interpolate`arn:${partition}:${service}:${region}:${account}:${rest}`;
}
