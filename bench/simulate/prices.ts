const AIRBYTE = "airbyte.com/data-engineering-resources/dynamodb-pricing, 2025-07-21";
const DEVNOTES =
  "devnotes.tech/understanding-aws-s3-pricing-a-complete-cost-breakdown-with-examples, undated";
const FORTEM = "fortem.dev/blog/aws-fargate-pricing-real-costs, 2026";

/**
 * What things cost, in US dollars, on demand, in us-east-1, without free tiers and discounts. Replace a line by what your
 * region and your contract say; everything else is computed from here. `seen`: what was read, and of when it is. Where no
 * stored page was at hand it is the published price list as the author knew it: look those up before you rely on them.
 */
export const PRICES = {
  /** arm64, the first 7.5 billion a month. */
  lambdaGbSecond: price(
    0.000_013_333_4,
    "a GB-second",
    "cloudchipr.com/blog/aws-lambda-pricing, of the published list, 2024",
  ),
  lambdaCall: price(
    0.2 / 1e6,
    "a call",
    "git.mcrn.ar/mariano/lambda_local_runner, lambda-13-cost.md, of the published list, undated",
  ),
  lambdaWarmGbSecond: price(0.000_003_333_4, "a GB-second kept warm, arm64", known("2025")),
  tableRead: price(0.125 / 1e6, "a read unit", AIRBYTE),
  tableWrite: price(0.625 / 1e6, "a write unit", AIRBYTE),
  tableGbMonth: price(0.25, "a GB and month", "aws.amazon.com/dynamodb/pricing, stored copy, undated"),
  tablePitrGbMonth: price(0.2, "a GB and month of point-in-time recovery", known("2025")),
  bucketGbMonth: price(0.023, "a GB and month", DEVNOTES),
  bucketPut: price(0.005 / 1e3, "a PUT or LIST", DEVNOTES),
  bucketGet: price(0.0004 / 1e3, "a GET", DEVNOTES),
  keyMonth: price(1, "a key and month", "aws.amazon.com/kms/pricing, stored copy, undated"),
  keyCall: price(
    0.03 / 1e4,
    "a call of KMS",
    "factualminds.com/blog/aws-kms-pricing-keys-requests-multi-region, 2026-06-13",
  ),
  transition: price(
    0.025 / 1e3,
    "a state transition",
    "aws.amazon.com/step-functions/pricing, stored copy, undated",
  ),
  /** g4dn.xlarge, four vCPUs and a T4. */
  gpuHour: price(0.526, "an hour on demand", known("2025")),
  fargateVcpuHour: price(0.040_48, "a vCPU-hour", FORTEM),
  fargateGbHour: price(0.004_445, "a GB-hour", FORTEM),
  fargateSpotVcpuHour: price(0.012_91, "a vCPU-hour of spare capacity", FORTEM),
  endpointHour: price(0.01, "an interface endpoint's hour in a zone", known("2025")),
  alarmMonth: price(0.1, "an alarm and month", known("2025")),
  dashboardMonth: price(
    3,
    "a dashboard and month",
    "factualminds.com/blog/amazon-cloudwatch-pricing-metrics-logs-alarms-dashboards, 2026-06-13",
  ),
  metricMonth: price(0.3, "a metric and month", "signoz.io/guides/cloudwatch-pricing, 2026-02-15"),
  logGb: price(
    0.5,
    "a GB of log",
    "factualminds.com/blog/amazon-cloudwatch-pricing-metrics-logs-alarms-dashboards, 2026-06-13",
  ),
  trace: price(5 / 1e6, "a trace", known("2025")),
  outGb: price(0.09, "a GB to the internet", DEVNOTES),
  /** The cheapest instance for real-time endpoints on that page: ml.t3.medium. */
  modelEndpointHour: price(0.05, "an hour", "wring.co/blog/aws-sagemaker-inference-guide, 2026-03-15"),
  /** g5.xlarge, four vCPUs and an A10G with 24 GB: the least that serves a language model with adapters. */
  adapterGpuHour: price(
    1.006,
    "an hour",
    "factualminds.com/blog/amazon-ec2-on-demand-pricing-instance-families-2026, 2026-06-17",
  ),
} as const;

export type PriceName = keyof typeof PRICES;

export interface Price {
  readonly dollars: number;
  readonly unit: string;
  readonly seen: string;
}

function price(dollars: number, unit: string, seen: string): Price {
  return { dollars, unit, seen };
}

function known(year: string): string {
  return `the published price list as known to the author, ${year}`;
}
