import { GetAccountSettingsCommand, LambdaClient } from "@aws-sdk/client-lambda";
import { S3Client } from "@aws-sdk/client-s3";
import { GetServiceQuotaCommand, ServiceQuotasClient } from "@aws-sdk/client-service-quotas";
import { SSMClient } from "@aws-sdk/client-ssm";
import { GetCallerIdentityCommand, STSClient } from "@aws-sdk/client-sts";
import type { Settings } from "../stack/settings.ts";
import { type Finding, missing, ok, unknown, warning } from "./finding.ts";
import { secretFinding } from "./secret.ts";

/** What AWS is asked through. */
export interface Clients {
  readonly sts: STSClient;
  readonly ssm: SSMClient;
  readonly s3: S3Client;
  readonly lambda: LambdaClient;
  readonly quotas: ServiceQuotasClient;
}

/** The account that would be deployed to: who asks, where, what SST keeps there, what it may run at once. */
export async function accountFindings(
  stage: string,
  settings: Settings,
  clients: Clients = realClients(),
): Promise<Finding[]> {
  const region = await regionFinding(clients.sts);
  if (region.state !== "ok") return [region];
  const credentials = await credentialsFinding(clients.sts);
  if (credentials.state !== "ok") return [region, credentials];
  return [
    region,
    credentials,
    await secretFinding(stage, clients),
    await concurrencyFinding(clients.lambda, settings),
    ...(await Promise.all(MACHINES[settings.tuneOn].map((row) => quotaFinding(clients.quotas, row)))),
  ];
}

/** Twice at most: a doctor who waits a minute for a network that isn't there helps nobody. */
function realClients(): Clients {
  const config = { maxAttempts: 2 };
  return {
    sts: new STSClient(config),
    ssm: new SSMClient(config),
    s3: new S3Client(config),
    lambda: new LambdaClient(config),
    quotas: new ServiceQuotasClient(config),
  };
}

async function regionFinding(sts: STSClient): Promise<Finding> {
  try {
    return ok("region", await sts.config.region());
  } catch {
    return missing("region", "none is set", "Set AWS_REGION, or a region for your profile.");
  }
}

async function credentialsFinding(sts: STSClient): Promise<Finding> {
  try {
    const { Account = "", Arn = "" } = await sts.send(new GetCallerIdentityCommand({}));
    if (Arn.endsWith(":root"))
      return warning("credentials", `${Account}: its root user`, "Deploy as a role or user of your own.");
    return ok("credentials", `${Account}, ${Arn.split(":").at(-1)}`);
  } catch (error) {
    const { name, code = name } = error as Error & { code?: string };
    const todo = CREDENTIALS.find(([names]) => names.has(name))?.[1];
    if (todo !== undefined) return missing("credentials", name, todo);
    return missing(
      "credentials",
      `AWS wasn't reached (${code})`,
      "Check the network, or run with --offline.",
    );
  }
}

const CREDENTIALS: readonly (readonly [ReadonlySet<string>, string])[] = [
  [
    new Set(["CredentialsProviderError"]),
    "Log in: `aws sso login`, or set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY.",
  ],
  [
    new Set(["ExpiredToken", "ExpiredTokenException", "TokenRefreshRequired"]),
    "They have expired: log in again.",
  ],
  [
    new Set(["RequestTimeTooSkewed", "RequestExpired", "SignatureDoesNotMatch"]),
    "Is this machine's clock right? AWS takes five minutes off for a forgery. Else the secret access key is wrong.",
  ],
  [
    new Set(["InvalidClientTokenId", "UnrecognizedClientException"]),
    "AWS doesn't know this access key: make another.",
  ],
  [
    new Set(["AccessDenied", "AccessDeniedException"]),
    "They may do nothing at all: ask the account's administrator.",
  ],
];

/** New accounts may run ten functions at once, of which AWS keeps none back for others. */
async function concurrencyFinding(lambda: LambdaClient, { shape, warmInfer }: Settings): Promise<Finding> {
  const name = "lambda concurrency";
  const wanted = shape === "personal" ? 10 : 100 + warmInfer;
  try {
    const { AccountLimit } = await lambda.send(new GetAccountSettingsCommand({}));
    const free = AccountLimit?.UnreservedConcurrentExecutions ?? 0;
    if (free >= wanted) return ok(name, `${free} at once`);
    return warning(
      name,
      `${free} at once, ${wanted} are wanted for a ${shape} stage`,
      "Ask for more in the console of Service Quotas: Lambda, concurrent executions.",
    );
  } catch (error) {
    return untold(name, error);
  }
}

interface Quota {
  readonly name: string;
  readonly service: string;
  readonly code: string;
  /** Processors of one job. */
  readonly wanted: number;
}

/** By AWS's codes in Service Quotas; a job has four processors. */
const MACHINES: Readonly<Record<Settings["tuneOn"], readonly Quota[]>> = {
  cpu: [
    { name: "fargate", service: "fargate", code: "L-3032A538", wanted: 4 },
    { name: "fargate spot", service: "fargate", code: "L-36FBB829", wanted: 4 },
  ],
  gpu: [
    { name: "gpu", service: "ec2", code: "L-DB2E81BA", wanted: 4 },
    { name: "gpu spot", service: "ec2", code: "L-3819A6DF", wanted: 4 },
  ],
};

async function quotaFinding(
  quotas: ServiceQuotasClient,
  { name, service, code, wanted }: Quota,
): Promise<Finding> {
  try {
    const { Quota: quota } = await quotas.send(
      new GetServiceQuotaCommand({ ServiceCode: service, QuotaCode: code }),
    );
    const seen = quota?.Value ?? 0;
    if (seen >= wanted) return ok(name, `${seen} processors at once`);
    // Jobs would wait for ever.
    return missing(
      name,
      `${seen} processors at once, a job takes ${wanted}`,
      `Ask for more: aws service-quotas request-service-quota-increase --service-code ${service} --quota-code ${code} --desired-value 64`,
    );
  } catch (error) {
    return untold(name, error);
  }
}

function untold(name: string, error: unknown): Finding {
  return unknown(
    name,
    `AWS didn't tell (${(error as Error).name})`,
    "Look in the console of Service Quotas.",
  );
}
