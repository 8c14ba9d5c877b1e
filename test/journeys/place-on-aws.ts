import { mkdtemp, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { PutBucketVersioningCommand } from "@aws-sdk/client-s3";
import { createApi, printLogLine } from "@kilotune/api";
import { PLATFORM } from "@kilotune/contract";
import { createKey, type Service } from "@kilotune/service";
import { keepHouse } from "../../packages/local/src/housekeeping.ts";
import { listen } from "../../packages/local/src/listen.ts";
import { serviceBackbones } from "../../packages/local/src/local-backbone.ts";
import { LocalBatches } from "../../packages/local/src/local-batches.ts";
import { localInference } from "../../packages/local/src/local-inference.ts";
import { LocalWorkflow } from "../../packages/local/src/local-workflow.ts";
import { printFault } from "../../packages/local/src/print-fault.ts";
import { openTiny } from "../../packages/local/src/testing.ts";
import { workflows } from "../../packages/local/src/workflows.ts";
import { startAws } from "../../packages/store/src/aws/emulator.fixtures.ts";
import { here } from "../../packages/worker/src/states/testing.ts";
import { newTenant } from "./served.ts";

/** The API, jobs and batches in this process, as `startLocal` puts them together, over DynamoDB and S3. */
export interface PlaceOnAws extends AsyncDisposable {
  readonly url: string;
  readonly store: Awaited<ReturnType<NonNullable<Awaited<ReturnType<typeof startAws>>>["open"]>>;
  readonly log: readonly string[];
  newTenant(name: string): Promise<string>;
}

/** undefined, and said aloud, where the emulator isn't installed. The bucket has versions, as the deployed one. */
export async function openPlaceOnAws(): Promise<PlaceOnAws | undefined> {
  const aws = await startAws();
  if (aws === undefined) return undefined;
  await using undo = new AsyncDisposableStack();
  undo.defer(() => aws.stop());
  const clock = { now: () => new Date() };
  const store = await aws.open(clock);
  undo.defer(() => store.cleanup());
  const VersioningConfiguration = { Status: "Enabled" } as const;
  await store.s3.send(new PutBucketVersioningCommand({ Bucket: store.name, VersioningConfiguration }));

  const tiny = undo.use(await openTiny());
  const scratch = await mkdtemp(path.join(os.tmpdir(), "kilotune-on-aws-"));
  undo.defer(() => rm(scratch, { recursive: true, force: true }));
  const log: string[] = [];
  const fault = (error: unknown) => void log.push(printFault(error));
  // Nobody is reached: what is to be delivered stays to be.
  const send = async () => 503;
  const workflow = new LocalWorkflow({ compute: here(tiny), scratch, jobsAtOnce: 2, send, log: fault });
  const inference = await localInference(store, [tiny.backbone]);
  undo.defer(() => inference.close());
  const batches = new LocalBatches({ inference, log: fault });
  const service: Service = {
    records: store.records,
    blobs: store.blobs,
    clock,
    workflow: workflows(workflow, batches),
    backbones: await serviceBackbones([tiny]),
  };
  workflow.connect(service);
  batches.connect(service);
  undo.defer(async () => void (await Promise.all([workflow.close(), batches.close()])));
  const api = createApi({
    service,
    inference,
    backbones: [],
    logger: (line) => log.push(printLogLine(line)),
  });
  const fetch = (request: Request) => api.fetch(request);
  const listening = await listen(fetch, { port: 0, host: "127.0.0.1", graceMs: 2000 });
  undo.defer(() => listening.close());
  const { secret } = await createKey(service, PLATFORM);
  undo.defer(keepHouse(service, send, fault));
  const running = undo.move();
  return {
    url: listening.url,
    store,
    log,
    newTenant: (name) => newTenant(listening, secret, name),
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  };
}
