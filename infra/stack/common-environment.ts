import { bucket } from "./bucket.ts";
import { arnOf, named } from "./here.ts";
import { BACKBONES } from "./layers.ts";
import { table } from "./table.ts";
import { tenantRole } from "./tenant-role.ts";

/** By name rather than by resource: the machines' definitions name functions that name the machines. */
export const MACHINES = {
  jobs: arnOf("states", `stateMachine:${named("jobs")}`),
  batches: arnOf("states", `stateMachine:${named("batches")}`),
} as const;

/** What all functions and the container are told. */
export const COMMON = {
  KILOTUNE_TABLE: table.name,
  KILOTUNE_BUCKET: bucket.name,
  KILOTUNE_TENANT_ROLE_ARN: tenantRole.arn,
} as const;

/** Of those who know jobs and batches. */
export const WORKFLOW = {
  KILOTUNE_STATE_MACHINE_ARN: MACHINES.jobs,
  KILOTUNE_BATCH_MACHINE_ARN: MACHINES.batches,
  ...BACKBONES,
} as const;

/** All that @kilotune/store's workflow calls. */
export function maySteer() {
  const executions = (machine: string) => arnOf("states", `execution:${named(machine)}:*`);
  return [
    { sid: "Start", actions: ["states:StartExecution"], resources: [MACHINES.jobs, MACHINES.batches] },
    {
      sid: "Steer",
      actions: ["states:DescribeExecution", "states:StopExecution"],
      resources: [executions("jobs"), executions("batches")],
    },
  ];
}
