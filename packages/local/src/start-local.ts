import { randomUUID } from "node:crypto";
import { mkdir, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { describeBackbone } from "@kilotune/backbone";
import { imageFacts, maskFacts } from "@kilotune/image";
import { createSharpCodec } from "@kilotune/image/node";
import { createApi, createMetrics, DEFAULT_LIMITS, type Limits, printLogLine } from "@kilotune/api";
import { restartJobs, type Service, webhookSender } from "@kilotune/service";
import { acceptPrompt } from "@kilotune/serving";
import { openLocalStore } from "@kilotune/store/local";
import { childCompute } from "@kilotune/worker";
import { firstAdminKey } from "./admin.ts";
import { addGauges } from "./gauges.ts";
import { keepHouse } from "./housekeeping.ts";
import { listen } from "./listen.ts";
import { type LocalBackbone, serviceBackbones } from "./local-backbone.ts";
import { localInference } from "./local-inference.ts";
import { LocalBatches } from "./local-batches.ts";
import { LocalWorkflow } from "./local-workflow.ts";
import { printFault } from "./print-fault.ts";
import { startTraces } from "./traces.ts";
import { workflows } from "./workflows.ts";

export interface LocalOptions {
  /** Folder of everything that lasts; made where there is none. */
  readonly data: string;
  readonly backbones: readonly LocalBackbone[];
  /** Default 8787; 0: any that is free. */
  readonly port?: number;
  /** Default 127.0.0.1: this machine alone. */
  readonly host?: string;
  /** Jobs that tune at once. Default 1. */
  readonly jobsAtOnce?: number;
  /** Threads of a job's process. Default: all cores but one, so that answers have one to themselves. */
  readonly tuneThreads?: number;
  /** Of a job's process, as `nice` has it: 0 as the server's own, 19 (default) only what the server leaves. */
  readonly tunePriority?: number;
  /** Lets webhooks reach this machine and the networks behind it, by http as well. Default: public addresses by https. */
  readonly webhooksToPrivateNetwork?: boolean;
  /** Address of an OpenTelemetry collector (OTLP over HTTP) that gets spans; see `startTraces`. */
  readonly traces?: string;
  readonly limits?: Partial<Limits>;
  /** Lines of JSON: a request each, and what went wrong. */
  readonly log?: (line: string) => void;
}

export interface LocalServer {
  readonly url: string;
  /** Of the platform; only where the folder was new. It is shown this once. */
  readonly adminKey: string | undefined;
  /** Answers what was accepted; jobs stop at a checkpoint and go on at the next start. */
  close(): Promise<void>;
}

/**
 * The whole service in one process and one folder.
 *
 * @throws KilotuneError `store_in_use`, `folder_not_writable`, `store_damaged`, `port_in_use`, `bad_host`, ..
 */
export async function startLocal(options: LocalOptions): Promise<LocalServer> {
  const { data, backbones, port = 8787, host = "127.0.0.1", jobsAtOnce = 1, log = () => {} } = options;
  const { webhooksToPrivateNetwork = false } = options;
  const { tunePriority, tuneThreads = Math.max(1, os.availableParallelism() - 1) } = options;
  const fault = (error: unknown) => log(printFault(error));
  // In reverse order, at the end or where the start fails.
  await using undo = new AsyncDisposableStack();

  if (options.traces !== undefined) undo.defer(await startTraces(options.traces, fault));
  const store = undo.use(await openLocalStore(data));
  const scratch = await emptyScratch(data);
  undo.defer(() => rm(scratch, { recursive: true, force: true }));
  const send = webhookSender({ toPrivateNetwork: webhooksToPrivateNetwork });
  const workflow = new LocalWorkflow({
    compute: childCompute({
      bundles: new Map(backbones.map(({ backbone, bundle }) => [backbone.manifest.id, bundle])),
      threads: tuneThreads,
      ...(tunePriority === undefined ? {} : { priority: tunePriority }),
    }),
    scratch,
    jobsAtOnce,
    send,
    log: fault,
  });
  const inference = await localInference(
    store,
    backbones.map(({ backbone }) => backbone),
  );
  undo.defer(() => inference.close());
  const batches = new LocalBatches({ inference, log: fault });
  const codec = createSharpCodec();
  const service: Service = {
    records: store.records,
    blobs: store.blobs,
    workflow: workflows(workflow, batches),
    clock: { now: () => new Date() },
    backbones: await serviceBackbones(backbones),
    looks: {
      image: (bytes) => imageFacts(codec, bytes),
      mask: (bytes) => maskFacts(codec, bytes),
    },
    webhooksToPrivateNetwork,
  };
  workflow.connect(service);
  batches.connect(service);
  undo.defer(async () => void (await Promise.all([workflow.close(), batches.close()])));

  let isReady = false;
  const metrics = createMetrics(DEFAULT_LIMITS.tenantsInMetrics);
  addGauges(metrics, inference, workflow, batches);
  const all = backbones.map(({ backbone }) => backbone);
  const manifests = all.map(({ manifest }) => manifest);
  const api = createApi({
    service,
    inference,
    acceptPrompt: (bytes) => acceptPrompt(bytes, manifests),
    backbones: manifests.map(describeBackbone),
    metrics,
    limits: { spoolFolder: scratch, ...options.limits },
    logger: (line) => log(printLogLine(line)),
    ready: () => isReady,
  });
  // Before the first key is made: a key that nobody is shown helps nobody.
  const listening = await listen((request) => api.fetch(request), { port, host, graceMs: GRACE_MS });
  undo.defer(() => listening.close());
  const adminKey = await firstAdminKey(service);
  undo.defer(keepHouse(service, send, fault));
  await restartJobs(service);
  isReady = true;
  undo.defer(() => {
    isReady = false;
  });

  const running = undo.move();
  let closing: Promise<void> | undefined;
  return {
    url: listening.url,
    adminKey,
    close: () => {
      closing ??= running.disposeAsync();
      return closing;
    },
  };
}

/** For files of the moment, texts among them: nobody else's to read. Those of a process that was killed are removed; what its orphans still write is theirs. */
async function emptyScratch(data: string): Promise<string> {
  const all = path.resolve(data, "scratch");
  await rm(all, { recursive: true, force: true, maxRetries: 3 }).catch(() => {});
  const own = path.join(all, randomUUID());
  await mkdir(own, { recursive: true, mode: 0o700 });
  return own;
}

/** For answers under way when the server is told to stop. */
const GRACE_MS = 15_000;
