import { existsSync, rmSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { SST_PLATFORM } from "../setup/sst-platform.ts";
import { fakeArtifacts } from "./artifacts.fixtures.ts";
import { type Harvest, harvest, type Inputs } from "./harvest.ts";
import { RULES } from "./rules.ts";

/** A rule that never fails is worth nothing: each fault is made in a sound stack, and the rule that is meant must name it. */
type Fault = readonly [what: string, rule: keyof typeof RULES, make: (stack: Harvest) => void];

const FAULTS: readonly Fault[] = [
  ["a public bucket", "buckets are private", set("BlobsPublicAccessBlock", { blockPublicPolicy: false })],
  ["SST's CORS for everybody", "buckets are private", addCors],
  [
    "a bucket policy for everybody",
    "buckets are private",
    policy("BlobsPolicy", { Effect: "Allow", Principal: "*", Action: "s3:GetObject", Resource: "*" }),
  ],
  [
    "a production bucket thrown away with what is in it",
    "production's data outlive their stack",
    set("BlobsBucket", { forceDestroy: true }),
  ],
  [
    "a table that goes with its stack",
    "production's data outlive their stack",
    (stack) => Object.assign(find(stack, "TableTable").options, { retainOnDelete: false }),
  ],
  [
    "data kept without their key",
    "production's data outlive their stack",
    (stack) => Object.assign(find(stack, "Key").options, { retainOnDelete: false }),
  ],
  [
    "no point-in-time recovery",
    "what was overwritten or removed can be had back, for a while",
    set("TableTable", { pointInTimeRecovery: { enabled: false } }),
  ],
  [
    "a table without our key",
    "all that lies still is encrypted",
    set("TableTable", { serverSideEncryption: undefined }),
  ],
  ["a log without our key", "all that lies still is encrypted", set("Logs-api", { kmsKeyId: undefined })],
  [
    "another name for time to live",
    "the table is as @kilotune/store has it",
    set("TableTable", { ttl: undefined }),
  ],
  [
    "a wide grant, as SST's link makes them",
    "no grant is wider than it says",
    policy("Policy-api", { Effect: "Allow", Action: "dynamodb:*", Resource: "arn:aws:dynamodb:::table/x" }),
  ],
  [
    "a grant on everything",
    "no grant is wider than it says",
    policy("Policy-tenant", { Effect: "Allow", Action: "s3:GetObject", Resource: "*" }),
  ],
  [
    "a grant of all but one thing",
    "no grant is wider than it says",
    policy("Policy-job", { Effect: "Allow", NotAction: "iam:PassRole", Resource: "arn:aws:s3:::b" }),
  ],
  [
    "a role that trusts the account, as SST's do",
    "roles are taken on by the one who needs them",
    trust("Role-infer", { AWS: "arn:aws:iam::123456789012:root" }),
  ],
  [
    "a tenant role for no tenant in particular",
    "roles are taken on by the one who needs them",
    trust("TenantRole", { AWS: "arn:aws:iam::123456789012:role/kilotune-production-api" }),
  ],
  [
    "an administrator's policy on a role",
    "every role has a policy, and nobody else's",
    set("MachinePolicy", { policyArn: "arn:aws:iam::aws:policy/AdministratorAccess" }),
  ],
  [
    "a key for everybody",
    "the key is used by those who hold a grant for it",
    policy("Key", { Sid: "Wide", Effect: "Allow", Principal: "*", Action: "kms:Decrypt", Resource: "*" }),
  ],
  [
    "a queue for anybody's account",
    "topics and queues take from AWS's services alone",
    policy("DeadLettersPolicy", {
      Effect: "Allow",
      Principal: "*",
      Action: "sqs:SendMessage",
      Resource: "*",
    }),
  ],
  [
    "a name that is too long",
    "names are ours, unique, and short enough",
    set("Function-api", { name: "a".repeat(65) }),
  ],
  [
    "anybody may call infer",
    "the internet reaches the API, and nothing else",
    set("ApiDoorInvoke", { function: "kilotune-production-infer-minilm-l6" }),
  ],
  [
    "an open port",
    "the internet reaches the API, and nothing else",
    set("EndpointsGroup", { ingress: [{ cidrBlocks: ["0.0.0.0/0"] }] }),
  ],
  [
    "an endpoint that lets everything through",
    "what passes an endpoint is ours",
    set("Endpoint-s3", { policy: undefined }),
  ],
  [
    "a way to anybody's buckets",
    "what passes an endpoint is ours",
    policy("Endpoint-s3", { Effect: "Allow", Principal: "*", Action: "s3:*", Resource: "*" }),
  ],
  [
    "a way out for jobs",
    "outside of personal stages jobs reach AWS and nothing else",
    set("JobsGroup", { egress: [{ cidrBlocks: ["0.0.0.0/0"] }] }),
  ],
  [
    "a buffered front door",
    "streaming answers come by the function's own URL",
    set("ApiUrl", { invokeMode: "BUFFERED" }),
  ],
  ["an old Node", "functions are as they were tested", set("Function-notify", { runtime: "nodejs20.x" })],
  [
    "another processor",
    "functions are as they were tested",
    set("Function-infer-minilm-l6", { architectures: ["x86_64"] }),
  ],
  [
    "a layer of another processor",
    "layers are for the functions that have them",
    set("Layer-onnxruntime-arm64", { compatibleArchitectures: ["x86_64"] }),
  ],
  [
    "a function without its backbone",
    "layers are for the functions that have them",
    set("Function-evaluate-minilm-l6", { layers: [] }),
  ],
  [
    "a function of images without their decoder",
    "layers are for the functions that have them",
    (stack) => {
      const { inputs } = find(stack, "Function-infer-vit-s14-saliency");
      inputs.layers = inputs.layers.filter((arn: string) => !arn.includes("sharp"));
    },
  ],
  [
    "no room for a large file",
    "functions are as they were tested",
    set("Function-validate", { ephemeralStorage: undefined }),
  ],
  [
    "a function that isn't told its table",
    "functions know what they need, and no secret",
    variable("Function-fail", "KILOTUNE_TABLE", undefined),
  ],
  [
    "a key in the environment",
    "functions know what they need, and no secret",
    variable("Function-api", "ADMIN", `kt_platform.${"0".repeat(26)}_${"a".repeat(43)}`),
  ],
  [
    "a kept-warm $LATEST",
    "instances that are kept warm are possible ones",
    set("Function-infer-minilm-l6", { publish: false }),
  ],
  [
    "tenant isolation that callers don't know of",
    "tenant isolation is for functions that are called with a tenant",
    set("Function-infer-minilm-l6", { tenancyConfig: { tenantIsolationMode: "PER_TENANT" } }),
  ],
  [
    "a state without Catch",
    "every state ends: in time, or caught",
    state("Evaluate-minilm-l6", { Catch: undefined }),
  ],
  ["a timeout under SST's name", "every state ends: in time, or caught", state("Tune", { Timeout: 60 })],
  [
    "a state without a timeout",
    "every state ends: in time, or caught",
    state("Publish", { TimeoutSeconds: undefined }),
  ],
  [
    "JSONata",
    "state machines are valid, and call what there is",
    state("Publish", { QueryLanguage: "JSONata" }),
  ],
  [
    "a state that leads nowhere",
    "state machines are valid, and call what there is",
    state("Publish", { Next: "Nowhere" }),
  ],
  [
    "a state that its role may not call",
    "state machines are valid, and call what there is",
    state("Publish", { Resource: "arn:aws:lambda:us-east-1:123456789012:function:kilotune-production-api" }),
  ],
  [
    "a job that isn't waited for",
    "Tune is a job that is waited for, spot first",
    state("Tune", { Resource: "arn:aws:states:::batch:submitJob" }),
  ],
  [
    "a heartbeat that nobody sends",
    "Tune is a job that is waited for, spot first",
    state("Tune", { HeartbeatSeconds: 60 }),
  ],
  [
    "machines that run while nothing waits",
    "machines of jobs: none while no job waits, spare ones first",
    (stack) => Object.assign(find(stack, "Machines-gpu-spot").inputs.computeResources, { minVcpus: 4 }),
  ],
  [
    "full price first",
    "machines of jobs: none while no job waits, spare ones first",
    (stack) => {
      for (const each of find(stack, "Queue-gpu").inputs.computeEnvironmentOrders)
        each.order = 3 - each.order;
    },
  ],
  [
    "an image by its tag",
    "containers: by digest, with no right they don't need",
    container({ image: "123456789012.dkr.ecr.us-east-1.amazonaws.com/kilotune-job-gpu:latest" }),
  ],
  [
    "a container that is root",
    "containers: by digest, with no right they don't need",
    container({ user: "root" }),
  ],
  [
    "an interrupted container that isn't tried again",
    "containers: by digest, with no right they don't need",
    set("Job", { retryStrategy: { attempts: 1 } }),
  ],
  [
    "a log kept for ever",
    "logs are kept, for a time",
    set("Logs-infer-minilm-l6", { retentionInDays: undefined }),
  ],
  [
    "a function with a log of its own making",
    "logs are kept, for a time",
    set("Function-api", { loggingConfig: undefined }),
  ],
  [
    "a schedule without dead letters",
    "events that nobody takes end where somebody looks",
    (stack) => Object.assign(find(stack, "Schedule-sweep").inputs.target, { deadLetterConfig: undefined }),
  ],
  [
    "a chore that nobody does",
    "housekeeping is done: webhooks, what was cut off, what has had its time",
    remove("Schedule-sweep"),
  ],
  ["a function that nobody watches", "alarms, where somebody is on duty", remove("Alarm-publish-errors")],
  [
    "an alarm that tells nobody",
    "alarms, where somebody is on duty",
    set("Alarm-jobs-failed", { alarmActions: [] }),
  ],
  [
    "an alarm that nobody has written a word about",
    "the runbook says of every alarm what to do, and of no other",
    (stack) => Object.assign(find(stack, "Alarm-dead-letters"), { name: "Alarm-another" }),
  ],
  [
    "an endpoint more to pay for",
    "a stage that nobody uses costs what docs/costs.md says: its resources are counted right",
    set("Endpoint-s3", { vpcEndpointType: "Interface" }),
  ],
  [
    "no tags",
    "everything is tagged with its app and stage",
    (stack) => Object.assign(stack.app.providers.aws, { defaultTags: undefined }),
  ],
  [
    "a kind of resource that nobody has looked at",
    "every kind of resource is looked at",
    (stack) =>
      stack.resources.push({ ...find(stack, "Key"), type: "aws:rds/instance:Instance", name: "Surprise" }),
  ],
];

describe.skipIf(!existsSync(SST_PLATFORM))("a stack with", () => {
  const folders: string[] = [];
  let one: Harvest;
  let withImages: Harvest;
  beforeAll(async () => {
    const of = (...backbones: string[]) => {
      const folder = fakeArtifacts({ backbones });
      folders.push(folder);
      const secrets = { AdminKeyHash: "a".repeat(64) };
      return harvest({ stage: "production", secrets, environment: { KILOTUNE_ARTIFACTS: folder } });
    };
    // One after the other: a stack is the process's own.
    one = await of("minilm-l6");
    withImages = await of("minilm-l6", "vit-s14-saliency");
  });
  afterAll(() => {
    for (const folder of folders) rmSync(folder, { recursive: true, force: true });
  });

  it.each(FAULTS)("%s is caught by: %s", (what, rule, make) => {
    const sound = /\bimages\b/.test(what) ? withImages : one;
    const stack = structuredClone(sound);
    make(stack);
    expect(RULES[rule]?.(sound, { shape: "production" })).toEqual([]);
    expect(RULES[rule]?.(stack, { shape: "production" })).not.toEqual([]);
  });

  it("every rule has caught one", () => {
    const tried = new Set(FAULTS.map(([, rule]) => rule));
    expect(Object.keys(RULES).filter((rule) => !tried.has(rule))).toEqual([]);
  });
});

function find(stack: Harvest, name: string) {
  const found = stack.resources.filter((resource) => resource.name === name);
  expect(
    found.map(({ type }) => type),
    name,
  ).toHaveLength(1);
  return found[0]!;
}

function set(name: string, inputs: Inputs) {
  return (stack: Harvest) => Object.assign(find(stack, name).inputs, inputs);
}

function remove(name: string) {
  return (stack: Harvest) => stack.resources.splice(stack.resources.indexOf(find(stack, name)), 1);
}

/** One statement more. */
function policy(name: string, statement: Inputs) {
  return (stack: Harvest) =>
    edit(find(stack, name).inputs, "policy", ({ Statement }) => Statement.push(statement));
}

/** Another principal, and no condition. */
function trust(name: string, Principal: Inputs) {
  return (stack: Harvest) =>
    edit(find(stack, name).inputs, "assumeRolePolicy", (document) => {
      document.Statement = [{ Effect: "Allow", Action: "sts:AssumeRole", Principal }];
    });
}

function state(name: string, change: Inputs) {
  return (stack: Harvest) =>
    edit(find(stack, "Machine-jobs").inputs, "definition", ({ States }) =>
      Object.assign(States[name], change),
    );
}

function container(change: Inputs) {
  return (stack: Harvest) =>
    edit(find(stack, "Job").inputs, "containerProperties", (properties) => Object.assign(properties, change));
}

function variable(name: string, key: string, value: string | undefined) {
  return (stack: Harvest) => {
    const { variables } = find(stack, name).inputs.environment;
    if (value === undefined) delete variables[key];
    else variables[key] = value;
  };
}

function addCors(stack: Harvest): void {
  stack.resources.push({
    ...find(stack, "BlobsPolicy"),
    type: "aws:s3/bucketCorsConfiguration:BucketCorsConfiguration",
    name: "BlobsCors",
  });
}

/** A field that is JSON text. */
function edit(inputs: Inputs, field: string, change: (document: Inputs) => unknown): void {
  const document = JSON.parse(inputs[field]);
  change(document);
  inputs[field] = JSON.stringify(document);
}
