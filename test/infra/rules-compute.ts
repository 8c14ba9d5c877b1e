// @ts-expect-error It comes without types.
import validate from "asl-validator";
import { FUNCTIONS, type FunctionName } from "../../packages/aws/src/functions/functions.ts";
import { readEnvironment } from "../../packages/aws/src/environment.ts";
import type { Harvest, Inputs, Resource } from "./harvest.ts";
import { isAllowed } from "./iam.ts";
import { all, type Rule, statementsOfRole } from "./rules.ts";

/** What runs: functions, the state machines, containers. */
export const computeRules: Readonly<Record<string, Rule>> = {
  "functions are as they were tested": (stack) =>
    all(stack, "aws:lambda/function:Function").flatMap(({ name, inputs }) => {
      const isImage = inputs.packageType === "Image";
      return [
        ...(isImage || inputs.runtime === "nodejs24.x" ? [] : [`${name}: ${inputs.runtime}`]),
        ...(isImage || inputs.handler === "index.handler" ? [] : [`${name}: ${inputs.handler}`]),
        ...(inputs.architectures?.join() === "arm64" ? [] : [`${name}: ${inputs.architectures}`]),
        ...(SCRATCH.has(handlerOf(name)) && !(inputs.ephemeralStorage?.size >= 1024)
          ? [`${name}: /tmp of ${inputs.ephemeralStorage?.size ?? 512} MB, and files have as much`]
          : []),
        ...(inputs.timeout > 0 && inputs.timeout <= 900 ? [] : [`${name}: ${inputs.timeout} s`]),
        ...(inputs.memorySize >= 256 && inputs.memorySize <= 3008
          ? []
          : [`${name}: ${inputs.memorySize} MB`]),
        ...(inputs.tracingConfig?.mode === "Active" ? [] : [`${name}: no traces`]),
        ...(isImage || inputs.sourceCodeHash ? [] : [`${name}: code without its hash`]),
      ];
    }),

  "functions know what they need, and no secret": (stack) =>
    all(stack, "aws:lambda/function:Function").flatMap((resource) => {
      const variables = resource.inputs.environment?.variables as Record<string, string>;
      const text = JSON.stringify(variables);
      return [
        ...missing(resource, variables),
        ...(/kt_[a-z]+\.|AKIA[A-Z0-9]{16}|-----BEGIN/.test(text) ? [`${resource.name}: a secret`] : []),
        ...(text.length <= 4096 ? [] : [`${resource.name}: more than the 4 KB that Lambda takes`]),
      ];
    }),

  "layers are for the functions that have them": (stack) => {
    const layers = all(stack, "aws:lambda/layerVersion:LayerVersion");
    return [
      ...layers.flatMap(({ name, inputs }) => [
        ...(inputs.compatibleArchitectures?.join() === "arm64"
          ? []
          : [`${name}: ${inputs.compatibleArchitectures}`]),
        ...(inputs.skipDestroy === true ? [] : [`${name}: a rollback wouldn't find it`]),
        ...(inputs.sourceCodeHash && inputs.s3Key ? [] : [`${name}: published each time`]),
      ]),
      ...all(stack, "aws:lambda/function:Function").flatMap(({ name, inputs }) => {
        const variables = inputs.environment?.variables as Record<string, string>;
        const isKnown = (arn: string) =>
          layers.some((layer) => arn.includes(`:layer:${layer.inputs.layerName}:`));
        const has: string[] = inputs.layers ?? [];
        const wanted = inputs.packageType === "Image" ? [] : layersOf(stack, handlerOf(name), variables);
        const isWanted =
          has.length === wanted.length &&
          wanted.every((word) => has.some((arn) => arn.includes(`-${word}:`) && isKnown(arn)));
        return isWanted ? [] : [`${name}: has ${has.length} layers, needs ${wanted.join(", ") || "none"}`];
      }),
    ];
  },

  "instances that are kept warm are possible ones": (stack, { shape }) => {
    const warm = all(stack, "aws:lambda/provisionedConcurrencyConfig:ProvisionedConcurrencyConfig");
    return [
      ...(shape === "personal" ? warm.map(({ name }) => `${name}: costs while nobody calls`) : []),
      ...warm.flatMap(({ name, inputs }) => {
        const owner = functionNamed(stack, inputs.functionName);
        const alias = all(stack, "aws:lambda/alias:Alias").find(
          (each) => each.inputs.functionName === inputs.functionName && each.inputs.name === inputs.qualifier,
        );
        return [
          // AWS refuses them for $LATEST, and in tenant isolation mode.
          ...(owner?.inputs.publish === true && alias !== undefined ? [] : [`${name}: of no version`]),
          ...(owner?.inputs.tenancyConfig === undefined ? [] : [`${name}: in tenant isolation mode`]),
        ];
      }),
    ];
  },

  "tenant isolation is for functions that are called with a tenant": (stack) =>
    all(stack, "aws:lambda/function:Function").flatMap(({ name, inputs }) => {
      const callers = ["Function-api", "Function-batch"].map(
        (each) => stack.resources.find((resource) => resource.name === each)?.inputs.environment?.variables,
      );
      const isOn = inputs.tenancyConfig?.tenantIsolationMode === "PER_TENANT";
      const isInfer = name.startsWith("Function-infer");
      if (isOn && !isInfer) return [`${name}: nobody names a tenant`];
      if (!isInfer) return [];
      const word = isOn ? "on" : "off";
      return callers.some((variables) => variables?.KILOTUNE_TENANT_ISOLATION !== word)
        ? [`${name}: its callers don't know that it is ${word}`]
        : [];
    }),

  "state machines are valid, and call what there is": (stack) =>
    all(stack, "aws:sfn/stateMachine:StateMachine").flatMap(({ name, inputs }) => {
      const definition = JSON.parse(inputs.definition) as Definition;
      const { isValid, errorsText } = validate(structuredClone(definition));
      const may = statementsOfRole(stack, `machine-${name.replace("Machine-", "")}`);
      const arns = functionArns(stack);
      return [
        ...(isValid ? [] : [`${name}: ${errorsText()}`]),
        ...(/JSONata|QueryLanguage/.test(inputs.definition) ? [`${name}: JSONata`] : []),
        ...(inputs.type === "STANDARD" ? [] : [`${name}: ${inputs.type}`]),
        ...(inputs.tracingConfiguration?.enabled ? [] : [`${name}: no traces`]),
        ...(inputs.loggingConfiguration?.level === "ERROR" ? [] : [`${name}: no log`]),
        ...tasks(definition).flatMap(([state, { Resource = "" }]) => {
          if (!Resource.startsWith("arn:aws:lambda:")) return [];
          if (!arns.has(Resource)) return [`${name}.${state}: ${Resource} isn't there`];
          return isAllowed(may, { action: "lambda:InvokeFunction", resource: Resource })
            ? []
            : [`${name}.${state}: its role may not call it`];
        }),
      ];
    }),

  "every state ends: in time, or caught": (stack) =>
    all(stack, "aws:sfn/stateMachine:StateMachine").flatMap(({ name, inputs }) =>
      tasks(JSON.parse(inputs.definition) as Definition).flatMap(([state, task]) => {
        const catchesAll = task.Catch?.some(({ ErrorEquals }) => ErrorEquals.includes("States.ALL"));
        const triesAgain = task.Retry?.some(({ ErrorEquals }) => ErrorEquals.includes("States.ALL"));
        return [
          ...((task.TimeoutSeconds ?? 0) > 0 ? [] : [`${name}.${state}: no timeout`]),
          // SST writes it so, and Step Functions passes over it.
          ...("Timeout" in task ? [`${name}.${state}: Timeout`] : []),
          // What writes the failure down, and what comes last, have nobody to catch them.
          ...(catchesAll || (LAST.has(state) && triesAgain) ? [] : [`${name}.${state}: not caught`]),
          ...(task.Retry?.length ? [] : [`${name}.${state}: not tried again`]),
        ];
      }),
    ),

  "Tune is a job that is waited for, spot first": (stack) => {
    const machine = stack.resources.find(({ name }) => name === "Machine-jobs");
    const { Tune } = (JSON.parse(machine?.inputs.definition ?? "{}") as Definition).States ?? {};
    if (Tune === undefined) return ["no Tune"];
    const queues = String(Tune.Parameters?.["JobQueue.$"]).match(/'arn:[^']+'/g) ?? [];
    const tries = (Tune.Retry ?? []).reduce((sum, { MaxAttempts = 3 }) => sum + MaxAttempts, 1);
    const role = statementsOfRole(stack, "machine-jobs");
    const made = all(stack, "aws:batch/jobQueue:JobQueue").map(({ inputs }) => String(inputs.name));
    const place = String(Tune.Parameters?.JobDefinition).replace(/:\d+$/, "");
    return [
      ...(Tune.Resource === "arn:aws:states:::batch:submitJob.sync" ? [] : [`Tune: ${Tune.Resource}`]),
      // Batch sends no heartbeat.
      ...(Tune.HeartbeatSeconds === undefined ? [] : ["Tune: a heartbeat that nobody sends"]),
      ...(queues.length >= tries ? [] : [`Tune: ${queues.length} queues for ${tries} tries`]),
      ...queues
        .map((arn) => arn.slice(1, -1))
        .filter((arn) => !made.some((queue) => arn.endsWith(`:job-queue/${queue}`)))
        .map((arn) => `Tune: no queue ${arn}`),
      ...[...new Set(queues.map((arn) => arn.slice(1, -1))), place]
        .filter((resource) => !isAllowed(role, { action: "batch:SubmitJob", resource }))
        .map((resource) => `Tune: its role may not submit to ${resource}`),
      ...["batch:DescribeJobs", "batch:TerminateJob"]
        .filter((action) => !isAllowed(role, { action, resource: "arn:aws:batch:us-east-1:1:job/x" }))
        .map((action) => `Tune: its role may not ${action}`),
    ];
  },

  "machines of jobs: none while no job waits, spare ones first": (stack, { shape }) => {
    const machines = all(stack, "aws:batch/computeEnvironment:ComputeEnvironment");
    const typeOf = (arn: string) =>
      machines.find(({ inputs }) => arn.endsWith(`/${inputs.name}`))?.inputs.computeResources.type as string;
    return [
      ...machines.flatMap(({ name, inputs: { computeResources: of } }) => [
        ...((of.minVcpus ?? 0) ? [`${name}: runs while nothing waits`] : []),
        ...(of.maxVcpus <= 256 ? [] : [`${name}: ${of.maxVcpus} processors`]),
        ...(shape === "personal" && !String(of.type).startsWith("FARGATE") ? [`${name}: GPUs`] : []),
        ...(shape !== "personal" && String(of.type).startsWith("FARGATE") ? [`${name}: no GPU`] : []),
        ...(of.type === "SPOT" && of.allocationStrategy !== "SPOT_PRICE_CAPACITY_OPTIMIZED"
          ? [`${name}: ${of.allocationStrategy}`]
          : []),
      ]),
      ...all(stack, "aws:batch/jobQueue:JobQueue").flatMap(({ name, inputs }) => {
        const order = (inputs.computeEnvironmentOrders as { order: number; computeEnvironment: string }[])
          .toSorted((a, b) => a.order - b.order)
          .map(({ computeEnvironment }) => typeOf(computeEnvironment));
        const wanted = name.endsWith("-again") ? [/^(EC2|FARGATE)$/] : [/SPOT$/, /^(EC2|FARGATE)$/];
        const isWanted =
          order.length === wanted.length && wanted.every((type, at) => type.test(order[at] ?? ""));
        return [
          ...(isWanted ? [] : [`${name}: ${order}`]),
          ...(inputs.schedulingPolicyArn ? [] : [`${name}: no turns between tenants`]),
          ...(inputs.jobStateTimeLimitActions?.length ? [] : [`${name}: waits for ever`]),
        ];
      }),
      ...all(stack, "aws:ec2/launchTemplate:LaunchTemplate")
        .filter(
          ({ inputs: { metadataOptions: of } }) =>
            of?.httpTokens !== "required" || of.httpPutResponseHopLimit !== 1,
        )
        .map(({ name }) => `${name}: containers may take the machine's credentials`),
    ];
  },

  "containers: by digest, with no right they don't need": (stack, { shape }) =>
    all(stack, "aws:batch/jobDefinition:JobDefinition").flatMap(({ name, inputs }) => {
      const of = JSON.parse(inputs.containerProperties) as Inputs;
      const environment = Object.fromEntries(
        of.environment.map((each: { name: string; value: string }) => [each.name, each.value]),
      );
      const gpu = of.resourceRequirements.some((each: { type: string }) => each.type === "GPU");
      const retries = JSON.stringify(inputs.retryStrategy?.evaluateOnExits ?? []);
      return [
        ...(/@sha256:[0-9a-f]{64}$/.test(of.image) ? [] : [`${name}: ${of.image}`]),
        ...(of.user && !/^(0|root)\b/.test(of.user) ? [] : [`${name}: root`]),
        ...(of.readonlyRootFilesystem === true ? [] : [`${name}: a root to write to`]),
        ...(of.privileged ? [`${name}: privileged`] : []),
        ...(of.logConfiguration?.options?.["awslogs-group"] ? [] : [`${name}: no log`]),
        ...(inputs.timeout?.attemptDurationSeconds > 0 ? [] : [`${name}: no timeout`]),
        ...(/Host EC2\*/.test(retries) && /"143"/.test(retries)
          ? []
          : [`${name}: an interrupted one isn't tried again`]),
        ...(gpu === (shape !== "personal") ? [] : [`${name}: GPU ${gpu}`]),
        ...missing({ name, inputs: {} } as Resource, environment, ["tenantRoleArn"]),
      ];
    }),
};

/** Ends of the names of layers that a function needs. */
function layersOf(stack: Harvest, of: FunctionName, variables: Record<string, string>): string[] {
  if (FUNCTIONS[of]?.needs !== "backbone") return [];
  const api = stack.resources.find(({ name }) => name === "Function-api")?.inputs.environment?.variables;
  const all = JSON.parse(api?.KILOTUNE_BACKBONES ?? "[]") as { id: string; input?: string }[];
  const backbone = all.find(({ id }) => id === variables?.KILOTUNE_BACKBONE);
  const sharp = backbone?.input === "image" ? ["sharp-arm64"] : [];
  return ["onnxruntime-arm64", ...sharp, `backbone-${backbone?.id}`];
}

interface Definition {
  readonly States: Readonly<Record<string, Task>>;
}

interface Task {
  readonly Type: string;
  readonly Resource?: string;
  readonly Parameters?: Readonly<Record<string, unknown>>;
  readonly TimeoutSeconds?: number;
  readonly HeartbeatSeconds?: number;
  readonly Retry?: readonly { readonly ErrorEquals: readonly string[]; readonly MaxAttempts?: number }[];
  readonly Catch?: readonly { readonly ErrorEquals: readonly string[] }[];
}

const LAST = new Set(["Fail", "Notify"]);

/** Through whose /tmp a tenant's whole file goes. */
const SCRATCH: ReadonlySet<FunctionName> = new Set(["api", "validate", "evaluate"]);

function tasks({ States }: Definition): [string, Task][] {
  return Object.entries(States).filter(([, { Type }]) => Type === "Task");
}

function functionArns(stack: Harvest): Set<string> {
  return new Set(
    all(stack, "aws:lambda/function:Function").map(
      ({ inputs }) => `arn:aws:lambda:us-east-1:123456789012:function:${inputs.name}`,
    ),
  );
}

function functionNamed(stack: Harvest, name: string): Resource | undefined {
  return all(stack, "aws:lambda/function:Function").find(({ inputs }) => inputs.name === name);
}

/** `Function-infer-minilm-l6` -> `infer` */
function handlerOf(name: string): FunctionName {
  return name.split("-")[1] as FunctionName;
}

/** As the function's own first lines say; see packages/aws/src/functions. */
const NEEDS: Readonly<Record<FunctionName, Parameters<typeof readEnvironment>[1]>> = {
  api: ["stateMachineArn", "batchMachineArn", "inferFunctions", "backbones", "adminKeyHash", "tenantRoleArn"],
  batch: ["stateMachineArn", "batchMachineArn", "inferFunctions", "backbones", "tenantRoleArn"],
  infer: ["backbone", "tenantRoleArn"],
  evaluate: ["stateMachineArn", "batchMachineArn", "backbone", "tenantRoleArn"],
  validate: ["stateMachineArn", "batchMachineArn", "tenantRoleArn"],
  publish: ["stateMachineArn", "batchMachineArn", "tenantRoleArn"],
  notify: ["stateMachineArn", "batchMachineArn", "tenantRoleArn"],
  fail: ["stateMachineArn", "batchMachineArn", "tenantRoleArn"],
  housekeeping: ["stateMachineArn", "batchMachineArn", "tenantRoleArn"],
};

function missing(
  { name }: Resource,
  variables: Record<string, string>,
  needed = NEEDS[handlerOf(name)],
): string[] {
  try {
    readEnvironment(variables, needed);
    return [];
  } catch (error) {
    return [`${name}: ${(error as Error).message}`];
  }
}
