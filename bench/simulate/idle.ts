import { HOURS, MEMORY_GB, WATCH } from "./assumptions.ts";
import { type Usage, usageOfHousekeeping } from "./cost.ts";

/** A stage that nobody uses, as infra/stack deploys it. Counts of its resources: test/infra/rules-docs.ts sees that they are true. */
export interface Stage {
  readonly alarms: number;
  /** Interface endpoints, each in two zones. */
  readonly endpoints: number;
  readonly warmInfer: number;
}

export const IDLE_STAGES: Readonly<Record<"personal" | "staging" | "production", Stage>> = {
  personal: { alarms: 0, endpoints: 0, warmInfer: 0 },
  staging: { alarms: 36, endpoints: 7, warmInfer: 0 },
  production: { alarms: 36, endpoints: 7, warmInfer: 2 },
};

export function usageOfIdle({ alarms, endpoints, warmInfer }: Stage): Usage {
  const { lambdaCall = 0, tableRead = 0 } = usageOfHousekeeping(0);
  return {
    keyMonth: 1,
    alarmMonth: alarms,
    dashboardMonth: 1,
    metricMonth: WATCH.metrics,
    endpointHour: endpoints * 2 * HOURS,
    lambdaWarmGbSecond: warmInfer * MEMORY_GB.infer * HOURS * 3600,
    // Housekeeping, half a second each.
    lambdaCall,
    lambdaGbSecond: lambdaCall * 0.5 * 0.5,
    tableRead,
    logGb: (lambdaCall * 2_000) / 1e9,
  };
}
