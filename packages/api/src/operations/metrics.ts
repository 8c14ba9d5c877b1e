import { Counter, Histogram, Registry } from "prom-client";

export type InferTask = "classify" | "estimate" | "tag" | "embed" | "segment" | "detect";

/** For Prometheus. `registry` is open: what runs beside the API (prompt cache, job queue) adds its own gauges. */
export interface Metrics {
  readonly registry: Registry;
  answered(call: {
    readonly method: string;
    /** The pattern, never the path. */
    readonly route: string;
    readonly status: number;
    readonly seconds: number;
    readonly tenant: string | undefined;
  }): void;
  inferred(what: {
    readonly task: InferTask;
    readonly rows: number;
    readonly tokens: number;
    readonly seconds: number;
  }): void;
}

/**
 * Series are bounded by routes and statuses, and by `maxTenants`: the first tenants seen have a label of their own, all
 * others share `other`.
 */
export function createMetrics(maxTenants: number, registry = new Registry()): Metrics {
  const registers = [registry];
  const requests = new Counter({
    name: "kilotune_requests_total",
    help: "Requests answered.",
    labelNames: ["method", "route", "status"],
    registers,
  });
  const seconds = new Histogram({
    name: "kilotune_request_seconds",
    help: "Time from a request to the first byte of its answer.",
    labelNames: ["method", "route"],
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10, 30],
    registers,
  });
  const byTenant = new Counter({
    name: "kilotune_tenant_requests_total",
    help: `Requests by tenant; beyond ${maxTenants} tenants: other.`,
    labelNames: ["tenant"],
    registers,
  });
  const rows = new Counter({
    name: "kilotune_inference_rows_total",
    help: "Texts and images answered.",
    labelNames: ["task"],
    registers,
  });
  const tokens = new Counter({
    name: "kilotune_inference_tokens_total",
    help: "Tokens read by the backbone.",
    labelNames: ["task"],
    registers,
  });
  const inferenceSeconds = new Histogram({
    name: "kilotune_inference_seconds",
    help: "Time that a call spent waiting for and in the model.",
    labelNames: ["task"],
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10, 30],
    registers,
  });
  const known = new Set<string>();

  return {
    registry,
    answered({ method, route, status, tenant, ...call }) {
      // A method is the caller's word too.
      const verb = isKnownMethod(method) ? method : "other";
      requests.inc({ method: verb, route, status });
      seconds.observe({ method: verb, route }, call.seconds);
      if (tenant === undefined) return;
      if (known.size < maxTenants) known.add(tenant);
      byTenant.inc({ tenant: known.has(tenant) ? tenant : "other" });
    },
    inferred({ task, ...amounts }) {
      rows.inc({ task }, amounts.rows);
      tokens.inc({ task }, amounts.tokens);
      inferenceSeconds.observe({ task }, amounts.seconds);
    },
  };
}

export function isKnownMethod(method: string): boolean {
  return METHODS.has(method);
}

const METHODS = new Set(["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"]);
