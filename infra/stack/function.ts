import type { FunctionName } from "../../packages/aws/src/functions/functions.ts";
import type { VARIABLES } from "../../packages/aws/src/environment.ts";
import { arnOf, built, named } from "./here.ts";
import { ARCHITECTURE, type Ground, lambdaWord } from "./layers.ts";
import { logGroup } from "./logs.ts";
import { allow, roles, type Statement } from "./roles.ts";

/** What @kilotune/aws reads. */
export type Environment = Partial<
  Record<Exclude<(typeof VARIABLES)[keyof typeof VARIABLES], "AWS_ENDPOINT_URL">, $util.Input<string>>
>;

export interface FunctionOptions {
  /** Whose handler and role it has. */
  readonly of: FunctionName;
  readonly memoryMb: number;
  readonly timeoutSeconds: number;
  /** Of /tmp. Default 512 MB. */
  readonly scratchMb?: number;
  readonly environment: Environment;
  readonly may: Statement[];
  /** Of one that holds a backbone. */
  readonly ground?: Ground;
  /** Of one that is called by events: where an event ends that it failed to take. */
  readonly deadLetters?: $util.Input<string>;
  readonly tenantIsolation?: boolean;
}

/** Of functions through whose /tmp a whole file goes: the largest has 512 MiB, as all of /tmp has where nothing is said. */
export const SCRATCH_MB = 2048;

/** Of all functions, so that alarms can be made of each. */
export const functions = new Map<string, aws.lambda.Function>();

/**
 * The zip that `npm run package` made, as a function. Not SST's own component: that builds the code once more, so that
 * what was tested wouldn't be what runs, and its `link` grants whole services.
 */
export function lambdaFunction(name: string, options: FunctionOptions): aws.lambda.Function {
  const { of, ground, deadLetters, environment } = options;
  const role = roles[of];
  const logs = logGroup(name);
  // Two functions of one handler share its role.
  if (!withPolicy.has(of)) allow(of, role, [...options.may, ...mayLog(of)]);
  withPolicy.add(of);
  const made = new aws.lambda.Function(`Function-${name}`, {
    name: named(name),
    role: role.arn,
    ...(ground?.kind === "image" ? imageCode(ground.uri) : zipCode(of, ground)),
    architectures: [lambdaWord(ARCHITECTURE)],
    memorySize: options.memoryMb,
    timeout: options.timeoutSeconds,
    ...(options.scratchMb !== undefined && { ephemeralStorage: { size: options.scratchMb } }),
    environment: {
      variables: {
        KILOTUNE_STAGE: $app.stage,
        ...environment,
        POWERTOOLS_SERVICE_NAME: name,
        POWERTOOLS_METRICS_NAMESPACE: METRICS_NAMESPACE,
        NODE_OPTIONS: "--enable-source-maps",
      },
    },
    tracingConfig: { mode: "Active" },
    loggingConfig: { logFormat: "JSON", logGroup: logs.name },
    // An alias, and what is kept warm, need a version of their own.
    publish: true,
    ...(deadLetters !== undefined && { deadLetterConfig: { targetArn: deadLetters } }),
    ...(options.tenantIsolation && { tenancyConfig: { tenantIsolationMode: "PER_TENANT" } }),
  });
  functions.set(name, made);
  return made;
}

/** What Powertools' metrics are of, and the alarms on them: an account may have several stages. */
export const METRICS_NAMESPACE = `kilotune/${$app.stage}`;

const withPolicy = new Set<FunctionName>();

function zipCode(of: FunctionName, ground: Ground | undefined) {
  const { path, sha256 } = built.functionZip(of);
  return {
    runtime: "nodejs24.x",
    handler: "index.handler",
    code: new $util.asset.FileArchive(path),
    sourceCodeHash: sha256,
    layers: ground?.kind === "layers" ? ground.arns : [],
  };
}

function imageCode(imageUri: string) {
  return { packageType: "Image", imageUri };
}

/** Into the groups of this stage alone, and traces, which AWS knows no resource for. */
function mayLog(of: FunctionName): Statement[] {
  // These are once a backbone.
  const groups = of === "infer" || of === "evaluate" ? `${of}-*` : of;
  return [
    {
      sid: "Logs",
      actions: ["logs:CreateLogStream", "logs:PutLogEvents"],
      resources: [arnOf("logs", `log-group:/kilotune/${$app.stage}/${groups}:*`)],
    },
    { sid: "Traces", actions: ["xray:PutTraceSegments", "xray:PutTelemetryRecords"], resources: ["*"] },
  ];
}
