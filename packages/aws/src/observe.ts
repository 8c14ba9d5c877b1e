import { Logger } from "@aws-lambda-powertools/logger";
import { Metrics, MetricUnit } from "@aws-lambda-powertools/metrics";
import { Tracer } from "@aws-lambda-powertools/tracer";
import { describeFault } from "@kilotune/contract";

/**
 * Logs, metrics (in the log, as CloudWatch's embedded format has them) and traces of all functions. A line holds ids, codes
 * and times; never a key, a text, a label, a file's name, an event or an error's own words.
 */
const logger = new Logger();
const metrics = new Metrics({ namespace: process.env.POWERTOOLS_METRICS_NAMESPACE ?? "kilotune" });
/** Calls of AWS are traced by their clients: the SDK marks its requests so that nothing else does. */
const tracer = new Tracer({ captureHTTPsRequests: false });

export function logLine(event: string, line: object): void {
  logger.info(event, { [event]: line });
}

/** What nobody foresaw: an alarm counts these. */
export function logFault(fault: unknown): void {
  logger.error("fault", { fault: describeFault(fault) });
}

export function count(name: string, value = 1): void {
  metrics.addMetric(name, MetricUnit.Count, value);
}

export function time(name: string, ms: number): void {
  metrics.addMetric(name, MetricUnit.Milliseconds, ms);
}

/** The client, its calls being parts of the trace. */
export function traced<Client>(client: Client): Client {
  return tracer.captureAWSv3Client(client);
}

/**
 * One call of a function, to its end: a segment of the trace, and its metrics written out. What it throws is thrown on;
 * a trace has no more of it than that.
 */
export async function observed<Answer>(name: string, work: () => Promise<Answer>): Promise<Answer> {
  const outer = tracer.isTracingEnabled() ? tracer.getSegment() : undefined;
  const segment = outer?.addNewSubsegment(`## ${name}`);
  if (segment !== undefined) tracer.setSegment(segment);
  tracer.annotateColdStart();
  metrics.captureColdStartMetric(name);
  try {
    return await work();
  } catch (error) {
    segment?.addFaultFlag();
    throw error;
  } finally {
    segment?.close();
    if (outer !== undefined) tracer.setSegment(outer);
    if (metrics.hasStoredMetrics()) metrics.publishStoredMetrics();
  }
}
