import type { Scale } from "../simulate.ts";
import { PRICES } from "./prices.ts";

/** As Markdown, for docs/costs.md. */
export function scaleTable(scales: readonly Scale[]): string {
  const row = (name: string, cell: (scale: Scale) => string) =>
    `| ${[name, ...scales.map(cell)].join(" | ")} |`;
  return [
    row("tenants", ({ tenants }) => count(tenants)),
    row("---", () => "---:"),
    row("calls a month", ({ requestsAMonth }) => count(requestsAMonth)),
    row("a call, p50", ({ calls }) => milliseconds(calls.p50Seconds)),
    row("a call, p99", ({ calls }) => milliseconds(calls.p99Seconds)),
    row("cold starts, `infer`", ({ calls }) => percent(calls.inferCold)),
    row("prompts found in memory", ({ calls }) => percent(calls.memoryHits)),
    row("and of the rest in /tmp", ({ calls }) => percent(calls.diskHits)),
    row("in memory, if one environment had all calls (Che)", ({ memoryHitsAtMost }) =>
      percent(memoryHitsAtMost),
    ),
    row("GETs of S3 a call", ({ calls }) => calls.gets.toFixed(2)),
    row("AssumeRole a call", ({ calls }) => calls.assumes.toFixed(2)),
    row(
      "environments at once, `api` + `infer`",
      ({ calls }) => `${calls.apiEnvironments} + ${calls.inferEnvironments}`,
    ),
    row("a job waits, p50", ({ jobs }) => duration(jobs.waitP50Seconds)),
    row("a job waits, p99", ({ jobs }) => duration(jobs.waitP99Seconds)),
    row("**all of it, a month**", ({ dollarsAMonth }) => `**${dollars(dollarsAMonth)}**`),
    row("of it calls", ({ parts }) => dollars(parts.calls as number)),
    row("jobs", ({ parts }) => dollars(parts.jobs as number)),
    row("housekeeping", ({ parts }) => dollars(parts.housekeeping as number)),
    row("a stage that nobody uses", ({ parts }) => dollars(parts.idle as number)),
    row("**a tenant, a month**", ({ dollarsATenant }) => `**${dollars(dollarsATenant)}**`),
    row("an endpoint for each tenant", ({ endpointEach }) => dollars(endpointEach)),
    row("100 adapters on a GPU", ({ adaptersOnGpus }) => dollars(adaptersOnGpus)),
    row("AssumeRole, of 600 a second", ({ assumesShare }) => percent(assumesShare)),
    row("the hourly sweep, of its 15 minutes", ({ sweepShare }) => percent(sweepShare)),
  ].join("\n");
}

export function priceTable(): string {
  const rows = Object.values(PRICES).map(
    ({ dollars: amount, unit, seen }) =>
      `| $${amount.toPrecision(6).replace(/\.?0+$/, "")} | ${unit} | ${seen} |`,
  );
  return ["| price | of | seen at |", "| ---: | --- | --- |", ...rows].join("\n");
}

function count(amount: number): string {
  return amount.toLocaleString("en-US");
}

export function dollars(amount: number): string {
  return `$${amount >= 100 ? count(Math.round(amount)) : amount.toPrecision(2)}`;
}

function percent(share: number): string {
  return `${share >= 0.1 ? Math.round(100 * share) : (100 * share).toPrecision(2)} %`;
}

function milliseconds(seconds: number): string {
  return `${Math.round(1000 * seconds)} ms`;
}

function duration(seconds: number): string {
  return seconds < 120
    ? `${Math.round(seconds)} s`
    : seconds < 7200
      ? `${Math.round(seconds / 60)} min`
      : `${Math.round(seconds / 3600)} h`;
}
