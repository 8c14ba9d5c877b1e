import { randomBytes } from "node:crypto";
import { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { S3Client } from "@aws-sdk/client-s3";
import { CreateActivityCommand, CreateStateMachineCommand, SFNClient } from "@aws-sdk/client-sfn";
import { type Backbone, cacheFolder, describeBackbone } from "@kilotune/backbone";
import { newFirstAdminKey } from "@kilotune/service";
import { makeTableAndBucket } from "@kilotune/store/testing";
import { STATES, tuneJobDefinition } from "@kilotune/worker";
import { batchDefinition } from "../../infra/stack/batch-definition.ts";
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
  instance(name: FunctionName): Promise<LambdaProcess>;
  /** An instance beside the others, which whoever starts it ends. */
  another(name: FunctionName, options?: Partial<LambdaOptions>): Promise<LambdaProcess>;
  invoke(name: FunctionName, event: unknown): Promise<Answer>;
  /** A call of the API through its Function URL. */
  fetch(request: Request): Promise<Response>;
  logs(): string;
}

export interface CloudOptions {
  readonly built: Built;
  readonly backbone: Backbone;
  /** Does the state `Tune`, which is no function. */
  readonly tune: (input: unknown, environment: Readonly<Record<string, string>>) => Promise<null>;
}

/** undefined where the emulator isn't installed. */
export async function openCloud({ built, backbone, tune }: CloudOptions): Promise<Cloud | undefined> {
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

  const instances = new Map<FunctionName, Promise<LambdaProcess>>();
  undo.defer(async () => {
    for (const instance of instances.values())
      await instance.then((each) => each[Symbol.asyncDispose]()).catch(() => {});
  });
  const { id } = backbone.manifest;
  const lambda = undo.use(
    await lambdaEndpoint((called, event) => {
      if (called !== `infer-${id}:live`) throw new Error(`there is no function ${called}`);
      return self.invoke("infer", event);
    }),
  );
  const activities = new Map<string, string>();
  for (const state of [...Object.keys(STATES), "Batch"]) {
    const made = await sfn.send(new CreateActivityCommand({ name: state }));
    activities.set(state, made.activityArn as string);
  }
  const arnOf = (state: string) => activities.get(state) as string;
  const machine = async (machineName: string, definition: object) => {
    const roleArn = "arn:aws:iam::000000000000:role/machine";
    const command = { name: machineName, roleArn, definition: JSON.stringify(definition) };
    return (await sfn.send(new CreateStateMachineCommand(command))).stateMachineArn as string;
  };
  const jobs = await machine("jobs", tuneJobDefinition(arnOf));
  const batches = await machine("batches", batchDefinition(arnOf("Batch")));
  const { secret, sha256 } = newFirstAdminKey();
  const environment = {
    [VARIABLES.stage]: "test",
    [VARIABLES.table]: name,
    [VARIABLES.bucket]: name,
    [VARIABLES.tenantRoleArn]: "arn:aws:iam::000000000000:role/tenant",
    [VARIABLES.stateMachineArn]: jobs,
    [VARIABLES.batchMachineArn]: batches,
    [VARIABLES.inferFunctions]: JSON.stringify({ [id]: `infer-${id}:live` }),
    [VARIABLES.backbones]: JSON.stringify([
      {
        ...describeBackbone(backbone.manifest),
        created: 1_764_028_800,
        layers: backbone.manifest.config.layers,
      },
    ]),
    [VARIABLES.backbone]: id,
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
    instance(wanted) {
      const standing = instances.get(wanted) ?? self.another(wanted);
      instances.set(wanted, standing);
      return standing;
    },
    async another(wanted, { environment: more = {}, ...options } = {}) {
      const code = built.codeOf(wanted);
      const own = { name: wanted, code, layers: built.layers, environment: { ...environment, ...more } };
      const started = await startLambda({ ...own, ...options });
      logs.push(started.log);
      return started;
    },
    invoke: async (wanted, event) => (await self.instance(wanted)).invoke(event, 900_000),
    fetch: async (request) => responseOf(await self.invoke("api", await eventOf(request, "url"))),
    logs: () => logs.map((log) => log()).join(""),
  };
  const work: Activities = {
    Batch: async (input) => self.invoke("batch", input),
    Tune: async (input) => {
      try {
        return { payload: await tune(input, environment) };
      } catch (error) {
        const { name: errorType, message: errorMessage } = error as Error;
        return { error: { errorType, errorMessage } };
      }
    },
    Validate: (input) => self.invoke("validate", input),
    Evaluate: (input) => self.invoke("evaluate", input),
    Publish: (input) => self.invoke("publish", input),
    Fail: (input) => self.invoke("fail", input),
    Notify: (input) => self.invoke("notify", input),
  };
  undo.use(serveActivities(sfn, activities, work));
  const all = undo.move();
  return { ...self, [Symbol.asyncDispose]: () => all.disposeAsync() };
}
