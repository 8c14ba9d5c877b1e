import { randomBytes } from "node:crypto";
import { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { S3Client } from "@aws-sdk/client-s3";
import { CreateActivityCommand, CreateStateMachineCommand, SFNClient } from "@aws-sdk/client-sfn";
import {
  type Backbone,
  cacheFolder,
  describeBackbone,
  promptableLayers,
  type VisionBackbone,
} from "@kilotune/backbone";
import { newFirstAdminKey } from "@kilotune/service";
import { makeTableAndBucket } from "@kilotune/store/testing";
import { STATES, tuneJobDefinition } from "@kilotune/worker";
import { batchDefinition } from "../../infra/stack/batch-definition.ts";
import { evaluateByBackbone } from "../../infra/stack/evaluate-by-backbone.ts";
import { VARIABLES } from "../../packages/aws/src/environment.ts";
import type { FunctionName } from "../../packages/aws/src/functions/functions.ts";
import { startMinistack } from "../setup/ministack.ts";
import { type Activities, serveActivities } from "./activities.ts";
import type { Built } from "./built.ts";
import { eventOf, responseOf } from "./events.ts";
import { type LambdaEndpoint, lambdaEndpoint } from "./lambda-endpoint.ts";
import { type LambdaOptions, type LambdaProcess, startLambda } from "./lambda-process.ts";
import type { Answer } from "./runtime/runtime.ts";

/**
 * A deployment on this machine: the built functions in processes of their own, Step Functions, DynamoDB, S3 and STS of an
 * emulator, and Lambda's Invoke between them. Functions start when first called.
 */
export interface Cloud extends AsyncDisposable {
  readonly adminKey: string;
  readonly table: string;
  readonly bucket: string;
  readonly dynamo: DynamoDBClient;
  readonly s3: S3Client;
  readonly sfn: SFNClient;
  readonly lambda: LambdaEndpoint;
  readonly jobs: string;
  readonly environment: Readonly<Record<string, string>>;
  /** @param backbone whose function it is, of those that are once a backbone; the first where left out */
  instance(name: FunctionName, backbone?: string): Promise<LambdaProcess>;
  /** An instance beside the others, which whoever starts it ends. */
  another(name: FunctionName, options?: Partial<LambdaOptions>, backbone?: string): Promise<LambdaProcess>;
  invoke(name: FunctionName, event: unknown, backbone?: string): Promise<Answer>;
  /** A call of the API through its Function URL. */
  fetch(request: Request): Promise<Response>;
  logs(): string;
}

export interface CloudOptions {
  readonly built: Built;
  /** Of the layers of `built`. */
  readonly backbone: Backbone;
  /** More of them, each with its own /opt. */
  readonly others?: readonly { readonly backbone: Backbone | VisionBackbone; readonly layers: string }[];
  /** Does the states `Tune` and `Try`, which are no functions. */
  readonly tune: (input: unknown, environment: Readonly<Record<string, string>>) => Promise<null>;
}

/** undefined where the emulator isn't installed. */
export async function openCloud({
  built,
  backbone,
  others = [],
  tune,
}: CloudOptions): Promise<Cloud | undefined> {
  const services = ["dynamodb", "s3", "stepfunctions", "sts", "iam"];
  const ministack = await startMinistack(cacheFolder(process.env), services);
  if (ministack === undefined) {
    console.log(
      "skipped: functions on Lambda, since ministack isn't installed: run node test/setup/prepare.ts",
    );
    return undefined;
  }
  await using undo = new AsyncDisposableStack();
  undo.defer(() => ministack.stop());
  const credentials = { accessKeyId: "test", secretAccessKey: "test" };
  const config = { endpoint: ministack.endpoint, region: "eu-central-1", credentials };
  const dynamo = undo.adopt(new DynamoDBClient(config), (client) => client.destroy());
  const s3 = undo.adopt(new S3Client({ ...config, forcePathStyle: true }), (client) => client.destroy());
  const sfn = undo.adopt(new SFNClient(config), (client) => client.destroy());
  const name = `kilotune-${randomBytes(4).toString("hex")}`;
  await makeTableAndBucket(dynamo, s3, name);

  const instances = new Map<string, Promise<LambdaProcess>>();
  undo.defer(async () => {
    for (const instance of instances.values())
      await instance.then((each) => each[Symbol.asyncDispose]()).catch(() => {});
  });
  const deployed = new Map(
    [{ backbone, layers: built.layers }, ...others].map((each) => [each.backbone.manifest.id, each]),
  );
  const ids = [...deployed.keys()];
  const [first] = ids as [string];
  const lambda = undo.use(
    await lambdaEndpoint((called, event) => {
      const id = ids.find((each) => called === `infer-${each}:live`);
      if (id === undefined) throw new Error(`there is no function ${called}`);
      return self.invoke("infer", event, id);
    }),
  );
  const activities = new Map<string, string>();
  const evaluating = ids.map((id) => `Evaluate-${id}`);
  for (const state of [
    ...Object.keys(STATES).filter((name) => name !== "Evaluate"),
    ...evaluating,
    "Batch",
  ]) {
    const made = await sfn.send(new CreateActivityCommand({ name: state }));
    activities.set(state, made.activityArn as string);
  }
  const arnOf = (state: string) => activities.get(state) as string;
  const machine = async (machineName: string, definition: object) => {
    const roleArn = "arn:aws:iam::000000000000:role/machine";
    const command = { name: machineName, roleArn, definition: JSON.stringify(definition) };
    return (await sfn.send(new CreateStateMachineCommand(command))).stateMachineArn as string;
  };
  const arns = Object.fromEntries(ids.map((id) => [id, arnOf(`Evaluate-${id}`)]));
  const jobs = await machine("jobs", evaluateByBackbone(tuneJobDefinition(arnOf), arns));
  const batches = await machine("batches", batchDefinition(arnOf("Batch")));
  const { secret, sha256 } = newFirstAdminKey();
  const environment = {
    [VARIABLES.stage]: "test",
    [VARIABLES.table]: name,
    [VARIABLES.bucket]: name,
    [VARIABLES.tenantRoleArn]: "arn:aws:iam::000000000000:role/tenant",
    [VARIABLES.stateMachineArn]: jobs,
    [VARIABLES.batchMachineArn]: batches,
    [VARIABLES.inferFunctions]: JSON.stringify(Object.fromEntries(ids.map((id) => [id, `infer-${id}:live`]))),
    [VARIABLES.backbones]: JSON.stringify(
      [...deployed.values()].map(({ backbone: { manifest } }) => ({
        ...describeBackbone(manifest),
        created: 1_764_028_800,
        layers: promptableLayers(manifest),
      })),
    ),
    [VARIABLES.adminKeyHash]: sha256,
    [VARIABLES.endpoint]: ministack.endpoint,
    AWS_ENDPOINT_URL_LAMBDA: lambda.url,
  };

  const logs: (() => string)[] = [];
  const self: Omit<Cloud, keyof AsyncDisposable> = {
    adminKey: secret,
    table: name,
    bucket: name,
    dynamo,
    s3,
    sfn,
    lambda,
    jobs,
    environment,
    instance(wanted, id = first) {
      const key = `${wanted} ${id}`;
      const standing = instances.get(key) ?? self.another(wanted, {}, id);
      instances.set(key, standing);
      return standing;
    },
    async another(wanted, { environment: more = {}, ...options } = {}, id = first) {
      const code = built.codeOf(wanted);
      const { layers } = deployed.get(id) as { layers: string };
      const variables = { ...environment, [VARIABLES.backbone]: id, ...more };
      const own = { name: wanted, code, layers, environment: variables };
      const started = await startLambda({ ...own, ...options });
      logs.push(started.log);
      return started;
    },
    invoke: async (wanted, event, id) => (await self.instance(wanted, id)).invoke(event, 900_000),
    fetch: async (request) => responseOf(await self.invoke("api", await eventOf(request, "url"))),
    logs: () => logs.map((log) => log()).join(""),
  };
  const inContainer: Activities[string] = async (input) => {
    try {
      return { payload: await tune(input, environment) };
    } catch (error) {
      const { name: errorType, message: errorMessage } = error as Error;
      return { error: { errorType, errorMessage } };
    }
  };
  const work: Activities = {
    Batch: async (input) => self.invoke("batch", input),
    Try: inContainer,
    Tune: inContainer,
    Validate: (input) => self.invoke("validate", input),
    ...Object.fromEntries(
      ids.map((id) => [`Evaluate-${id}`, (input: unknown) => self.invoke("evaluate", input, id)]),
    ),
    Publish: (input) => self.invoke("publish", input),
    Fail: (input) => self.invoke("fail", input),
    Notify: (input) => self.invoke("notify", input),
  };
  undo.use(serveActivities(sfn, activities, work));
  const all = undo.move();
  return { ...self, [Symbol.asyncDispose]: () => all.disposeAsync() };
}
