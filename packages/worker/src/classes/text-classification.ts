import { defaultFirstLayer } from "@kilotune/backbone";
import {
  type Baselines,
  chooseSettings,
  classMeans,
  embed,
  type FrozenRows,
  fitBaselines,
  predictBaselines,
  promptFeed,
  promptSite,
  runTuning,
  textAccuracy,
  textClassification as learnTexts,
  type TuneSettings,
} from "@kilotune/tuner";
import { holdOut } from "../held-out.ts";
import type { TextJob } from "../job.ts";
import { TUNED } from "../select.ts";
import { sharedSessions } from "../shared-sessions.ts";
import type { Found, JobData, Published, Run, Task, TaskFacts, TaskPlan } from "../task.ts";
import { answer } from "./answer.ts";
import { headLogits, linearHead, meansHead } from "./class-heads.ts";
import { labelNames, NAME_WEIGHT } from "./label-names.ts";
import {
  assess,
  type ClassOutcome,
  judgeClasses,
  outcomesOfClasses,
  outcomesOfLogits,
  scoreClasses,
  temperatureOf,
} from "./outcome.ts";
import { joinRows, openFrozenSessions, type PreparedRows, pickRows, prepareRows } from "./prepare.ts";
import { roundedPrompt, type TextPrompt } from "./publish.ts";
import { type LabelledTexts, readData } from "./read-data.ts";

interface Fitted {
  readonly baselines: Baselines;
  /** The rows that they were fitted on. */
  readonly frozen: FrozenRows;
}

/** One label a text. */
export function textClassification(
  job: TextJob,
): TaskPlan<LabelledTexts, PreparedRows, Fitted, ClassOutcome> {
  return {
    read: (emit) => readData(job, emit),
    open: (data) => openTask(job, data),
  };
}

const BASELINES = [
  { name: "majority", title: "majority class" },
  { name: "classMean", title: "nearest class mean" },
  { name: "knn", title: "nearest neighbours" },
  { name: "linearProbe", title: "linear probe" },
] as const;

async function openTask(
  job: TextJob,
  data: JobData<LabelledTexts>,
): Promise<Task<LabelledTexts, PreparedRows, Fitted, ClassOutcome>> {
  const { labels } = data;
  const classes = labels.length;
  const settings = settingsOf(job, data);
  // Released here where a later one doesn't open.
  await using opened = new AsyncDisposableStack();
  const backbone = opened.use(sharedSessions(job.backbone));
  const { manifest } = backbone;
  const { hiddenSize, layers } = manifest.config;
  const sessions = await openFrozenSessions(backbone, settings?.firstLayer ?? defaultFirstLayer(layers));
  opened.defer(() => sessions.release());
  const { linear } = sessions;
  const kept = opened.move();
  /** The labels' own words, where they help. */
  let names: PreparedRows | undefined;

  return {
    backbone: manifest,
    settings,
    baselines: BASELINES,
    // Neighbours would have to store the rows themselves.
    heads: ["linearProbe", "classMean"],
    [Symbol.asyncDispose]: () => kept.disposeAsync(),

    async prepareTraining(file, onProgress) {
      const rows = await prepareRows(backbone, sessions, file, onProgress);
      names = settings && (await labelNames(backbone, sessions, labels, rows));
      return rows;
    },
    prepare: (file, onProgress) => prepareRows(backbone, sessions, file, onProgress),
    holdOut: (train, validation) =>
      holdOut(train, validation, job.seed, { strataOf: (rows) => rows.labels, pick: pickRows }),

    async fit(rows, like) {
      const frozen: FrozenRows = { vectors: rows.vectors, labels: rows.labels, classes };
      return { frozen, baselines: await fitBaselines(linear, frozen, job.seed, like?.baselines) };
    },
    async answerBaselines({ baselines, frozen }, rows) {
      const predicted = await predictBaselines(linear, baselines, frozen, rows.vectors);
      const logits = {
        linearProbe: await headLogits(linear, linearHead(baselines.probe), rows.vectors),
        classMean: await headLogits(linear, meansHead(baselines.classMeans), rows.vectors),
      };
      const scored = (name: "linearProbe" | "classMean") =>
        outcomesOfLogits(rows, logits[name], classes).map((outcome, row) => ({
          ...outcome,
          predicted: predicted[name][row] as number,
        }));
      return {
        majority: outcomesOfClasses(rows, predicted.majority),
        classMean: scored("classMean"),
        knn: outcomesOfClasses(rows, predicted.knn),
        linearProbe: scored("linearProbe"),
      };
    },

    learntRows: (train) => train.count + (names?.count ?? 0),
    runFacts: (train, validation) => [
      names !== undefined,
      [...train.labels],
      validation && [...validation.labels],
    ],
    learn({ train, validation, epochs, ...run }: Run<PreparedRows>) {
      const own = { ...(settings as TuneSettings), epochs };
      const all = names === undefined ? train : joinRows(train, names);
      const rowWeights = Float32Array.from(all.labels, (_, row) => (row < train.count ? 1 : NAME_WEIGHT));
      const rows = { store: all.store, labels: all.labels, classes, rowWeights };
      const prototypes = classMeans(all.vectors, all.labels, classes, hiddenSize, rowWeights);
      return runTuning({
        ...run,
        settings: own,
        task: learnTexts(backbone, own, rows, prototypes),
        ...(validation ? { validation: textAccuracy(backbone, own, linear, validation) } : {}),
      });
    },
    async answerRun({ prompt, head: { prototypes } }, rows) {
      const { temperature } = settings as TuneSettings;
      const site = promptSite(settings as TuneSettings, manifest);
      const upper = await backbone.open({ kind: "upper", site: site.site });
      try {
        const vectors = await embed(upper, rows.store, hiddenSize, promptFeed(site, prompt));
        const head = { kind: "cosine", weight: prototypes as Float32Array, scale: 1 / temperature } as const;
        return outcomesOfLogits(rows, await headLogits(linear, head, vectors), classes);
      } finally {
        await upper.release();
      }
    },

    score: (outcomes) => scoreClasses(outcomes, classes),
    judge: judgeClasses,

    publish: (published) =>
      roundedPrompt({
        backbone,
        labels,
        storage: job.storage ?? "float16",
        temperature: published.heldOut.length === 0 ? 1 : temperatureOf(published.heldOut, classes),
        receipt: published.receipt,
        ...numbersOf(published, settings),
      }),
    async answer(prompt, rows) {
      const logits = await answer(backbone, linear, prompt as TextPrompt, rows);
      return outcomesOfLogits(rows, logits, classes);
    },

    findings: async (outcomes, { manifest }) =>
      assess(outcomes, labels, (manifest as TextPrompt["manifest"]).calibration.temperature),
    facts: (found) => factsOf(found, { hiddenSize, layers, settings, names }),
    tokensIn: ({ store }) => store.lengths.reduce((sum, length) => sum + length, 0),
  };
}

function settingsOf(job: TextJob, data: JobData<LabelledTexts>): TuneSettings | undefined {
  if (job.method === "head") return undefined;
  return chooseSettings(job.backbone.manifest, {
    method: job.method,
    seed: job.seed,
    trainRows: data.train.count,
    ...(job.tokens === undefined ? {} : { tokens: job.tokens }),
    ...(job.firstLayer === undefined ? {} : { firstLayer: job.firstLayer }),
    ...(job.epochs === "auto" ? {} : { epochs: job.epochs }),
  });
}

/** The head, and the prompt where there is one, of what is published. */
function numbersOf(
  { kind, fitted, tuned }: Published<Fitted, ClassOutcome>,
  settings: TuneSettings | undefined,
) {
  if (kind === TUNED && tuned !== undefined && settings !== undefined) {
    const weight = tuned.head.prototypes as Float32Array;
    const head = { kind: "cosine", weight, scale: 1 / settings.temperature } as const;
    return { head, tuned: { settings: { ...settings, epochs: tuned.epoch }, data: tuned.prompt } };
  }
  const { baselines } = fitted as Fitted;
  const head = kind === "classMean" ? meansHead(baselines.classMeans) : linearHead(baselines.probe);
  return { head, tuned: undefined };
}

function factsOf(
  { data, train, fitted, run }: Found<LabelledTexts, PreparedRows, Fitted>,
  {
    hiddenSize,
    layers,
    settings,
    names,
  }: {
    readonly hiddenSize: number;
    readonly layers: number;
    readonly settings: TuneSettings | undefined;
    readonly names: PreparedRows | undefined;
  },
): TaskFacts {
  const { baselines } = fitted;
  const { labels } = data;
  const classes = labels.length;
  const head = classes * hiddenSize;
  const left = strangers(data.validation);
  const wrong = strangers(data.test);
  return {
    labelRows: labels.map((_, at) => train.labels.filter((label) => label === at).length),
    truncatedRows: train.truncatedRows,
    settings: { probeC: baselines.C, neighbours: baselines.k },
    titles: { knn: `${baselines.k} nearest neighbours` },
    // Halves, as a prompt file stores them; neighbours keep the vectors of all rows.
    sizes: {
      majority: new TextEncoder().encode(labels[baselines.majority]).length,
      classMean: classes * hiddenSize * 2,
      knn: train.count * hiddenSize * 2,
      linearProbe: classes * (hiddenSize + 1) * 2,
    },
    trainableParameters:
      settings === undefined
        ? head + classes
        : head + (run?.prompt.length ?? 2 * (layers - settings.firstLayer) * settings.tokens * hiddenSize),
    notes: {
      first: [
        ...(names ? ["The labels' own words were learnt along, at half the weight of a row."] : []),
        ...(train.truncatedRows > 0
          ? [`Training rows longer than the backbone reads, and cut: ${train.truncatedRows}.`]
          : []),
      ],
      last: [
        ...(left > 0
          ? [
              `Rows of ${data.validation?.name} with a label that no training row has: ${left}; they were left out.`,
            ]
          : []),
        ...(wrong > 0
          ? [
              `Rows of ${data.test?.name} with a label that no training row has: ${wrong}; they count as wrong.`,
            ]
          : []),
      ],
    },
  };
}

function strangers(file: LabelledTexts | undefined): number {
  return file?.labels.filter((label) => label < 0).length ?? 0;
}
