import { once } from "node:events";
import {
  bundleOf,
  isVisionCheckpoint,
  KNOWN_BACKBONES,
  loadVisionBackbone,
  type Precision,
  visionBundleOf,
} from "@kilotune/backbone";
import { type LocalBackbone, startLocal } from "@kilotune/local";
import { defineCommand } from "../command.ts";
import type { Terminal } from "../terminal/terminal.ts";
import { openBackbone, precisionFlag, pullSettings } from "../with-backbone.ts";

export const serve = defineCommand({
  summary: "Serve the whole API from one process and one folder",
  details:
    "Prints its address, and the admin key where the folder is new: it is shown this once.\n" +
    "Ctrl-C or SIGTERM answers what was accepted and stops jobs at a checkpoint; the next start goes on with them.\n" +
    "The log is on stderr, a line of JSON a request.",
  positionals: {},
  flags: {
    data: { kind: "text", value: "DIR", about: "Everything that lasts", default: "./data" },
    port: {
      kind: "integer",
      value: "N",
      min: 0,
      max: 65_535,
      about: "0 for any that is free",
      default: 8787,
    },
    host: {
      kind: "text",
      value: "ADDRESS",
      about: "Where to listen; 0.0.0.0: everywhere",
      default: "127.0.0.1",
    },
    backbone: {
      kind: "texts",
      value: "ID|FOLDER",
      about: "A model of texts or images to tune and to serve, several allowed; minilm-l6 else",
    },
    precision: { ...precisionFlag, about: `Of all models of texts; ${precisionFlag.about}`, default: "fp32" },
    "jobs-at-once": {
      kind: "integer",
      value: "N",
      min: 1,
      max: 64,
      about: "Jobs that tune at once",
      default: 1,
    },
    "tune-threads": {
      kind: "integer",
      value: "N",
      min: 1,
      max: 1024,
      about: "Threads of a job; all cores but one else",
    },
    "tune-nice": {
      kind: "integer",
      value: "N",
      min: 0,
      max: 19,
      about: "Priority of a job; 0 is the server's own, 19 the lowest",
      default: 19,
    },
    "webhooks-to-private-network": {
      kind: "switch",
      about: "Let webhooks reach this machine and its networks, by http too",
    },
    traces: {
      kind: "text",
      value: "URL",
      about: "Send spans to this OpenTelemetry collector (OTLP over HTTP)",
    },
  },
  examples: [
    {
      line: "kilotune serve --backbone minilm-l6 --backbone vit-s14-saliency",
      purpose: "texts and images",
    },
    { line: "kilotune serve --data ./data", purpose: "on http://127.0.0.1:8787" },
    {
      line: "kilotune serve --data ./data --port 0 --json",
      purpose: "for a program: the address is the first line",
    },
  ],
  async run(args, terminal) {
    const stop = terminal.io.takeInterrupt();
    const names = args.backbone.length > 0 ? args.backbone : ["minilm-l6"];
    const backbones: LocalBackbone[] = [];
    for (const name of names) backbones.push(await open(name, args.precision, terminal, stop));
    const { data, port, host, jobsAtOnce, tuneThreads, tuneNice, webhooksToPrivateNetwork, traces } = args;
    const server = await startLocal({
      data,
      port,
      host,
      backbones,
      jobsAtOnce,
      tunePriority: tuneNice,
      webhooksToPrivateNetwork,
      ...(tuneThreads === undefined ? {} : { tuneThreads }),
      ...(traces === undefined ? {} : { traces }),
      log: (line) => terminal.io.stderr.write(`${line}\n`),
    });
    const { url, adminKey } = server;
    terminal.result({ url, ...(adminKey === undefined ? {} : { adminKey }) }, () => words(url, adminKey));
    if (!stop.aborted) await once(stop, "abort");
    terminal.say("Shutting down: calls are answered, jobs stop at a checkpoint. Ctrl-C again kills.");
    await server.close();
    return 0;
  },
});

async function open(
  name: string,
  precision: Precision,
  terminal: Terminal,
  stop: AbortSignal,
): Promise<LocalBackbone> {
  const settings = pullSettings(terminal, stop);
  const known = KNOWN_BACKBONES.find(({ id }) => id === name);
  if (known === undefined ? await isVisionCheckpoint(name) : known.kind === "vision") {
    const backbone = await loadVisionBackbone(name, settings);
    terminal.endProgress();
    return { backbone, bundle: await visionBundleOf(name, settings) };
  }
  const backbone = await openBackbone(name, terminal, { signal: stop, precision });
  return { backbone, bundle: await bundleOf(name, { ...settings, precision }) };
}

function words(url: string, adminKey: string | undefined): string {
  const key =
    adminKey === undefined
      ? "The admin key is the one shown when the folder was new (kilotune admin key rotate makes another)."
      : `Admin key, shown this once: ${adminKey}`;
  return `Serving on ${url}, reference on ${url}/docs\n${key}`;
}
