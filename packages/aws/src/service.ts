import { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { S3Client } from "@aws-sdk/client-s3";
import { SFNClient } from "@aws-sdk/client-sfn";
import { STSClient } from "@aws-sdk/client-sts";
import { KilotuneError } from "@kilotune/contract";
import { type Backbone as ServiceBackbone, type Service, TUNED_TASKS } from "@kilotune/service";
import type { Workflow } from "@kilotune/store";
import { openAwsStore, stepFunctionsWorkflow, tenantClients } from "@kilotune/store/aws";
import type { DeployedBackbone, Environment } from "./environment.ts";
import { traced } from "./observe.ts";

/**
 * The service over DynamoDB, S3 and Step Functions, where the environment says. Made once a process, outside the handler:
 * clients and what they assumed last from call to call.
 */
export function openService(environment: Environment): Service {
  const { table, bucket, tenantRoleArn: roleArn, endpoint, backbones = [] } = environment;
  // The SDK reads the endpoint and the region by itself. An emulator knows no names of buckets in front of its own.
  const s3Config = { requestHandler: S3_LINE, ...(endpoint !== undefined && { forcePathStyle: true }) };
  const own = {
    dynamo: traced(new DynamoDBClient({ requestHandler: DYNAMO_LINE })),
    s3: traced(new S3Client(s3Config)),
  };
  const sts = () => traced(new STSClient({ requestHandler: DYNAMO_LINE }));
  const store = openAwsStore({
    table,
    bucket,
    ...own,
    ...(roleArn !== undefined && {
      clientsOf: tenantClients({ own, sts: sts(), roleArn, s3: s3Config, made: traced }),
    }),
  });
  return {
    records: store.records,
    blobs: store.blobs,
    workflow: workflowOf(environment),
    clock: { now: () => new Date() },
    backbones: new Map(backbones.map((backbone) => [backbone.id, serviceBackbone(backbone)])),
  };
}

function serviceBackbone(deployed: DeployedBackbone): ServiceBackbone {
  const { id, created, layers, input = "text", methods } = deployed;
  return { id, createdAt: created, layers, input, tasks: TUNED_TASKS[input], ...(methods && { methods }) };
}

/** Functions that steer no execution have no machines' ARNs. */
function workflowOf({ stateMachineArn: jobs, batchMachineArn: batches }: Environment): Workflow {
  if (jobs === undefined || batches === undefined) return { start: notHere, stop: notHere };
  const client = traced(new SFNClient({ requestHandler: DYNAMO_LINE }));
  return stepFunctionsWorkflow({ client, jobs, batches });
}

async function notHere(): Promise<never> {
  throw new KilotuneError(
    "bad_environment",
    "this function was asked to steer an execution, and knows no state machine",
    "Set KILOTUNE_STATE_MACHINE_ARN and KILOTUNE_BATCH_MACHINE_ARN.",
    { kind: "machine" },
  );
}

/** AWS answers within milliseconds, or has forgotten the call: the SDK's own patience has no end. It tries three times. */
const DYNAMO_LINE = { connectionTimeout: 1_000, requestTimeout: 2_000, throwOnRequestTimeout: true };
/** The sending of a part of 8 MB counts. */
const S3_LINE = { connectionTimeout: 1_000, requestTimeout: 5_000, throwOnRequestTimeout: true };
