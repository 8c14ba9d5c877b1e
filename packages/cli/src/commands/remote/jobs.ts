import { METHODS, type MethodName, TASKS, type TaskName } from "@kilotune/contract";
import type { JobCreate, JobObject, Kilotune } from "@kilotune/sdk";
import { type AnyCommand, defineCommand } from "../../command.ts";
import { OUTSIDE_FLAGS, outsideAsked } from "../../job-flags.ts";
import { openService } from "../../remote/open-service.ts";
import { pairsOf } from "../../remote/pairs.ts";
import { LIMIT, take } from "../../remote/take.ts";
import { jobResult, WATCH, watch } from "../../remote/watch.ts";
import { PROMPT_FLAGS, readReparam } from "../../prompt-init.ts";
import { moment, rowsOr } from "../../remote/words.ts";

const ID = { value: "ID", count: "one", about: "The job's id, ftjob-.." } as const;
const EXAMPLE = "ftjob-01kb0example000000000000000";

export const jobsCreate = defineCommand({
  summary: "Tune a backbone to an uploaded file, on the server",
  positionals: {
    file: { value: "FILE-ID", count: "one", about: "Training rows, as files upload names them" },
  },
  flags: {
    model: { kind: "text", value: "MODEL", about: "The backbone", default: "minilm-l6" },
    validation: { kind: "text", value: "FILE-ID", about: "Rows that choose epochs and verdict" },
    task: {
      kind: "choice",
      of: TASKS,
      about: "What the model is to do",
      default: "classification",
    },
    method: {
      kind: "choice",
      of: METHODS,
      about:
        "Key/value prefixes, soft tokens, deep ones (VPT-deep), low-rank products, biases of a model of texts, channels of a graph, a border of the image, or a head alone; the model's default else",
    },
    ...OUTSIDE_FLAGS,
    epochs: {
      kind: "integer",
      value: "N",
      min: 1,
      max: 200,
      or: "auto",
      about: "Most epochs",
      default: "auto",
    },
    tokens: {
      kind: "integer",
      value: "N",
      min: 1,
      max: 128,
      about: "Virtual tokens, of border its width in pixels; the method's default else",
    },
    rank: { kind: "integer", value: "N", min: 1, max: 128, about: "Of lora; 8 else" },
    "first-layer": {
      kind: "integer",
      value: "N",
      min: 0,
      max: 1000,
      about: "First prompted layer of kv, deep, lora and bias, first stage of channels",
    },
    tiles: { kind: "switch", about: "Of masks and boxes: large images are looked at in overlapping tiles" },
    folds: {
      kind: "integer",
      value: "K",
      min: 2,
      max: 20,
      about: "Cross-validation besides, in K folds: as many times as long",
    },
    init: {
      kind: "text",
      value: "START",
      about:
        "What the prompt starts as: model:NAME, another tuned model; kv, soft and deep of texts also vocabulary, labels, examples, text:WORDS; random else",
    },
    reparam: PROMPT_FLAGS.reparam,
    suffix: { kind: "text", value: "NAME", about: "A part of the model's name" },
    seed: { kind: "integer", value: "N", min: 0, max: 4_294_967_295, about: "Of every random choice" },
    metadata: { kind: "texts", value: "KEY=VALUE", about: "Pairs of your own" },
    watch: WATCH,
  },
  examples: [
    {
      line: "kilotune jobs create file-01kb0example000000000000000 --watch",
      purpose: "the defaults, followed",
    },
    {
      line: "kilotune jobs create file-01kb0example000000000000000 --method head --suffix desk --json",
      purpose: "a head alone, for a program",
    },
  ],
  async run(args, terminal) {
    const request = requestOf(args);
    const service = await openService(terminal);
    const job = await service.jobs.create(request);
    if (!args.watch) return jobResult(job, terminal);
    terminal.say(job.id);
    return watch(service, job.id, terminal);
  },
});

export const jobsList = defineCommand({
  summary: "The jobs on the server, the newest first",
  positionals: {},
  flags: { limit: LIMIT, metadata: { kind: "texts", value: "KEY=VALUE", about: "Only jobs with this pair" } },
  examples: [{ line: "kilotune jobs list --metadata team=support", purpose: "those with a pair" }],
  async run({ limit, metadata }, terminal) {
    const filter = pairsOf("jobs list", metadata);
    const service = await openService(terminal);
    const jobs = await take(service.jobs.list({ limit: Math.min(limit, 100), metadata: filter }), limit);
    terminal.result({ jobs }, () =>
      rowsOr(
        "No jobs.",
        jobs.map((job) => [job.id, moment(job.created_at), job.status, job.fine_tuned_model ?? job.model]),
      ),
    );
    return 0;
  },
});

export const jobsGet = defineCommand({
  summary: "How a job stands; with --watch until it has ended",
  details: "Exit code 1 where it failed or was cancelled.",
  positionals: { id: ID },
  flags: { watch: WATCH },
  examples: [{ line: `kilotune jobs get ${EXAMPLE} --watch`, purpose: "with a bar, to its end" }],
  async run({ id, watch: follow }, terminal) {
    const service = await openService(terminal);
    return follow ? watch(service, id, terminal) : jobResult(await service.jobs.get(id), terminal);
  },
});

export const jobsEvents = defineCommand({
  summary: "What a job has told so far, the oldest first; with --watch as it comes",
  positionals: { id: ID },
  flags: { limit: LIMIT, watch: WATCH },
  examples: [{ line: `kilotune jobs events ${EXAMPLE} --limit 100`, purpose: "the last hundred" }],
  async run({ id, limit, watch: follow }, terminal) {
    const service = await openService(terminal);
    if (follow) return watch(service, id, terminal);
    const listing = service.jobs.listEvents(id, { limit: Math.min(limit, 100) });
    const events = (await take(listing, limit)).reverse();
    terminal.result({ events }, () =>
      rowsOr(
        "No events.",
        events.map(({ created_at, level, message }) => [moment(created_at), level, message]),
      ),
    );
    return 0;
  },
});

export const jobsCancel = steering("cancel", "End a job for good; no model comes of it", (service, id) =>
  service.jobs.cancel(id),
);
export const jobsPause = steering("pause", "Stop a job at its next checkpoint", (service, id) =>
  service.jobs.pause(id),
);
export const jobsResume = steering("resume", "Let a paused job go on", (service, id) =>
  service.jobs.resume(id),
);

function steering(
  verb: string,
  summary: string,
  steer: (service: Kilotune, id: string) => Promise<JobObject>,
): AnyCommand {
  return defineCommand({
    summary,
    positionals: { id: ID },
    flags: {},
    examples: [{ line: `kilotune jobs ${verb} ${EXAMPLE}`, purpose: "shows the job as it is then" }],
    async run({ id }, terminal) {
      const job = await steer(await openService(terminal), id);
      jobResult(job, terminal);
      return 0;
    },
  });
}

interface Asked {
  readonly file: string;
  readonly model: string;
  readonly task: TaskName;
  readonly validation: string | undefined;
  readonly method: MethodName | undefined;
  readonly oos: boolean;
  readonly oosLabel: string | undefined;
  readonly epochs: number | "auto";
  readonly tokens: number | undefined;
  readonly rank: number | undefined;
  readonly firstLayer: number | undefined;
  readonly folds: number | undefined;
  readonly tiles: boolean;
  readonly init: string | undefined;
  readonly reparam: string | undefined;
  readonly suffix: string | undefined;
  readonly seed: number | undefined;
  readonly metadata: readonly string[];
}

/** Which method takes which hyperparameter is the server's to say: it refuses by name what would change nothing. */
function requestOf({ method, epochs, tokens, rank, firstLayer, ...asked }: Asked): JobCreate {
  const init = initOf(asked.init);
  const reparam = readReparam("jobs create", asked.reparam);
  const hyperparameters = {
    ...(init !== undefined && { init }),
    ...(reparam && {
      reparam:
        reparam.kind === "mlp"
          ? { type: "mlp" as const, width: reparam.width }
          : { type: "low_rank" as const, rank: reparam.rank },
    }),
    n_epochs: epochs,
    ...(tokens !== undefined && { [method === "border" ? "width" : "tokens"]: tokens }),
    ...(rank !== undefined && { rank }),
    ...(firstLayer !== undefined && { first_layer: firstLayer }),
  };
  const metadata = pairsOf("jobs create", asked.metadata);
  const outOfScope = outsideAsked(asked);
  return {
    model: asked.model,
    training_file: asked.file,
    // Left out where it says nothing: older servers don't know the field.
    ...(asked.task !== "classification" && { task: asked.task }),
    // Only lora has a rank.
    ...methodOf(method ?? (rank === undefined ? undefined : "lora"), hyperparameters),
    ...(asked.validation !== undefined && { validation_file: asked.validation }),
    ...(asked.folds !== undefined && { folds: asked.folds }),
    ...(outOfScope && { out_of_scope: outOfScope }),
    ...(asked.tiles && { tiles: true }),
    ...(asked.suffix !== undefined && { suffix: asked.suffix }),
    ...(asked.seed !== undefined && { seed: asked.seed }),
    ...(Object.keys(metadata).length > 0 && { metadata }),
  };
}

/** The server refuses a word that it doesn't know. */
function initOf(flag: string | undefined): NonNullable<JobCreate["hyperparameters"]>["init"] {
  const [, kind, rest] = /^(text|model):(.+)$/s.exec(flag ?? "") ?? [];
  if (kind === "text") return { text: rest as string };
  if (kind === "model") return { model: rest as string };
  return flag as "labels" | undefined;
}

/** Without a name the server takes the model's default. */
function methodOf(
  name: MethodName | undefined,
  hyperparameters: NonNullable<JobCreate["hyperparameters"]>,
): Pick<JobCreate, "method" | "hyperparameters"> {
  if (name === undefined) return { hyperparameters };
  return { method: { type: name, [name]: { hyperparameters } } as NonNullable<JobCreate["method"]> };
}
