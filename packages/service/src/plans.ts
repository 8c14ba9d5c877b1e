import type { Tenant } from "./tenants.ts";

/** What a tenant may use. */
export interface Limits {
  readonly requestsPerMinute: number;
  readonly tokensPerMinute: number;
  /** Jobs that haven't ended, paused ones included. */
  readonly jobsAtOnce: number;
  /** Files, prompts and checkpoints. */
  readonly storedBytes: number;
  /** Tuned models; a job that hasn't ended counts as one. */
  readonly prompts: number;
  readonly tuningHoursPerMonth: number;
}

export type PlanName = "free" | "team" | "business";

export const PLANS: Readonly<Record<PlanName, Limits>> = {
  free: {
    requestsPerMinute: 600,
    tokensPerMinute: 200_000,
    jobsAtOnce: 1,
    storedBytes: 1e9,
    prompts: 10,
    tuningHoursPerMonth: 10,
  },
  team: {
    requestsPerMinute: 6_000,
    tokensPerMinute: 4_000_000,
    jobsAtOnce: 4,
    storedBytes: 20e9,
    prompts: 200,
    tuningHoursPerMonth: 100,
  },
  business: {
    requestsPerMinute: 120_000,
    tokensPerMinute: 60_000_000,
    jobsAtOnce: 20,
    storedBytes: 500e9,
    prompts: 5_000,
    tuningHoursPerMonth: 2_000,
  },
};

export function limitsOf({ plan, overrides }: Pick<Tenant, "plan" | "overrides">): Limits {
  return { ...PLANS[plan], ...overrides };
}
