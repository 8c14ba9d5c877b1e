export { type ApiOptions, createApi } from "./create-api.ts";
export { describeError } from "./errors/describe-error.ts";
export { DEFAULT_LIMITS, type Limits } from "./limits.ts";
export { type LogLine, printLogLine } from "./operations/log-line.ts";
export { createMetrics, type Metrics } from "./operations/metrics.ts";
