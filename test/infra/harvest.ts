import crypto from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import os from "node:os";
import path from "node:path";
import { vi } from "vitest";
import { SST_PLATFORM } from "../setup/sst-platform.ts";
import { answerOf, stateOf } from "./aws-answers.ts";
import { plain } from "./plain.ts";
import { startSstServer } from "./sst-server.ts";

export interface Resource {
  readonly type: string;
  readonly name: string;
  readonly inputs: Inputs;
  readonly options: { readonly retainOnDelete: boolean; readonly protect: boolean };
}

/** Of any shape: what a rule reads, it checks. */
// biome-ignore lint/suspicious/noExplicitAny: a stack of a hundred types, read by rules that expect each other's
export type Inputs = Record<string, any>;

export interface Harvest {
  readonly app: Inputs;
  readonly resources: Resource[];
  readonly outputs: Inputs;
}

export interface HarvestOptions {
  readonly stage: string;
  readonly secrets: Readonly<Record<string, string>>;
  /** Of the machine that deploys; left out: as it is. */
  readonly environment?: Readonly<Record<string, string>>;
}

const ROOT = path.resolve(import.meta.dirname, "../..");

/**
 * Everything that `sst deploy` would ask AWS for: the real `run()` of sst.config.ts, over SST's real components, with
 * Pulumi's engine and AWS replaced by answers made up here. Neither is reached.
 *
 * @throws what the stack throws
 */
export function harvest(options: HarvestOptions): Promise<Harvest> {
  // Each run has its own Pulumi, and its own modules of SST and of infra/: resources are made as they load.
  vi.resetModules();
  const { withLocalStorage } = need()("@pulumi/pulumi/runtime/state") as {
    withLocalStorage<T>(run: () => T): T;
  };
  return withLocalStorage(() => collect(options));
}

async function collect({ stage, secrets, environment = {} }: HarvestOptions): Promise<Harvest> {
  const require = need();
  const pulumi = require("@pulumi/pulumi");
  const work = mkdtempSync(path.join(os.tmpdir(), "kilotune-infra-"));
  const globals = globalThis as unknown as Inputs;
  using undo = new DisposableStack();
  undo.defer(() => rmSync(work, { recursive: true, force: true }));

  globals.$config = (config: unknown) => config;
  const server = await startSstServer();
  undo.defer(() => server.close());
  withEnvironment(undo, {
    ...environment,
    SST_SERVER: server.url,
    ...Object.fromEntries(Object.entries(secrets).map(([name, value]) => [`SST_SECRET_${name}`, value])),
  });

  const config = (await import(/* @vite-ignore */ path.join(ROOT, "sst.config.ts"))).default as Inputs;
  const app = await config.app({ stage });
  const region = app.providers.aws.region ?? "us-east-1";
  Object.assign(globals, {
    $app: { stage, ...app },
    $dev: false,
    $cli: {
      command: "deploy",
      rpc: server.url,
      paths: { home: work, root: ROOT, work: path.join(work, ".sst"), platform: SST_PLATFORM },
      state: { version: {} },
    },
    $util: pulumi,
    $output: pulumi.output,
    $resolve: pulumi.all,
    $interpolate: pulumi.interpolate,
    $concat: pulumi.concat,
    $jsonParse: pulumi.jsonParse,
    $jsonStringify: pulumi.jsonStringify,
    aws: require("@pulumi/aws"),
  });
  await pulumi.runtime.setMocks(
    {
      newResource: ({ type, name, inputs }: Inputs) => stateOf(type, name, plain(inputs) as Inputs, region),
      call: ({ token, inputs }: Inputs) => answerOf(token, plain(inputs) as Inputs, region),
    },
    app.name,
    stage,
    false,
  );
  const resources = watchRegistrations(require);

  const sst = (file: string) => import(/* @vite-ignore */ path.join(SST_PLATFORM, "src", file));
  const { Link } = await sst("components/link.ts");
  const { $transform, $asset } = await sst("components/component.ts");
  Object.assign(globals, { $linkable: Link.linkable, $transform, $asset });
  globals.sst = await sst("components/index.ts");
  const { run } = await sst("auto/run.ts");
  pinNames(undo);

  // An Output that fails is nobody's promise: without this the run would wait for ever.
  const failures = takeRejections(undo);
  let made: Promise<unknown> = Promise.resolve();
  const make = () => {
    made = config.run();
    return made;
  };
  const program = async () => {
    const raw = await pulumi.runtime.runInPulumiStack(() => run(make));
    await pulumi.runtime.disconnect();
    return new Promise((resolve) => pulumi.output(raw).apply(resolve));
  };
  const done = program();
  done.catch(() => {});
  try {
    const outputs = await Promise.race([done, failures.first]);
    return { app, resources, outputs: plain(outputs) as Inputs };
  } finally {
    await made.catch(() => {});
    await untilQuiet(() => resources.length + failures.count());
  }
}

/** Pulumi's mocks hide a resource's options: they are read off the request. */
function watchRegistrations(require: NodeJS.Require): Resource[] {
  const resources: Resource[] = [];
  const monitor = require("@pulumi/pulumi/runtime/settings").getMonitor();
  const { deserializeProperties } = require("@pulumi/pulumi/runtime/rpc");
  const register = monitor.registerResource.bind(monitor);
  monitor.registerResource = (request: Inputs, callback: (error: unknown, reply: unknown) => void) =>
    register(request, (error: unknown, reply: unknown) => {
      if (!error)
        resources.push({
          type: request.getType(),
          name: request.getName(),
          inputs: plain(deserializeProperties(request.getObject())) as Inputs,
          options: { retainOnDelete: request.getRetainondelete(), protect: request.getProtect() },
        });
      callback(error, reply);
    });
  return resources;
}

/** The names that SST makes up end in random bytes. */
function pinNames(undo: DisposableStack): void {
  const real = crypto.randomBytes;
  const pinned = (size: number, ...rest: unknown[]) =>
    size === 8 && rest.length === 0
      ? Buffer.alloc(8, 1)
      : (real as (...given: unknown[]) => unknown)(size, ...rest);
  (crypto as { randomBytes: unknown }).randomBytes = pinned;
  undo.defer(() => {
    (crypto as { randomBytes: unknown }).randomBytes = real;
  });
}

function takeRejections(undo: DisposableStack) {
  const before = process.listeners("unhandledRejection");
  process.removeAllListeners("unhandledRejection");
  const { promise, reject } = Promise.withResolvers<never>();
  promise.catch(() => {});
  let count = 0;
  process.on("unhandledRejection", (error) => {
    count++;
    reject(error);
  });
  undo.defer(() => {
    process.removeAllListeners("unhandledRejection");
    for (const listener of before) process.on("unhandledRejection", listener);
  });
  return { first: promise, count: () => count };
}

/** After a failure the rest of the program runs out, so that none of it lands in the next run. */
async function untilQuiet(count: () => number): Promise<void> {
  for (let seen = -1; seen !== count(); ) {
    seen = count();
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

function withEnvironment(undo: DisposableStack, variables: Readonly<Record<string, string>>): void {
  for (const [name, value] of Object.entries(variables)) {
    const before = process.env[name];
    process.env[name] = value;
    undo.defer(() => {
      if (before === undefined) delete process.env[name];
      else process.env[name] = before;
    });
  }
}

/** One copy of Pulumi: the one that SST's components import. */
function need(): NodeJS.Require {
  return createRequire(path.join(SST_PLATFORM, "package.json"));
}
