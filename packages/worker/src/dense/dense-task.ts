import { type VisionBackbone, withTiles } from "@kilotune/backbone";
import type { ReportFindings, Score } from "@kilotune/contract";
import type { HeadNumbers } from "@kilotune/heads";
import { AUGMENTATIONS } from "@kilotune/image";
import { type PatchHead, type Prompt, type PromptManifest, roundToStorage } from "@kilotune/prompt";
import {
  chooseDenseSettings,
  type DenseSettings,
  ImageStore,
  type ImageStoreOptions,
  type LearningTask,
  type Learnt,
  openBelow,
  type RunOptions,
  type RunResult,
  runTuning,
  type Validation,
} from "@kilotune/tuner";
import { attentionOf } from "../images/attention.ts";
import { imageBackbone } from "../images/image-backbone.ts";
import { type ImageFile, nameOfRow, type ReadFiles } from "../images/image-files.ts";
import { settled, startNumbers, wishesOf } from "../images/image-settings.ts";
import { notesOf } from "../images/image-start.ts";
import { pictureOf } from "../images/picture.ts";
import { interrupted } from "../interrupted.ts";
import type { ImageJob, JobHooks } from "../job.ts";
import { learntPart, withPart } from "../prompt-part.ts";
import { TUNED } from "../select.ts";
import { sharedSessions } from "../shared-sessions.ts";
import { numbersOf } from "../standing-prompt.ts";
import type { JobData, Judged, Judgement, Published, RowsOf, Task } from "../task.ts";
import { tokensOf } from "../tokens-of.ts";
import { cutIntoTiles, type Tile } from "./tiles.ts";

/** What segmentation and detection share: a head on patches, alone or with a prompt; images, one by one. */
export interface DenseRows<Truth> extends RowsOf {
  readonly names: readonly string[];
  readonly truths: readonly Truth[];
  /** Where images are looked at in tiles: what the stores' rows are. Else each is an image. */
  readonly tiles?: readonly Tile[];
  /** Below the prompt, and below a head alone. */
  readonly prompted: ImageStore;
  readonly plain: ImageStore;
  picture(row: number): ReturnType<typeof pictureOf>;
}

/** What segmentation and detection differ in. */
export interface DenseKind<Truth, Outcome> {
  readonly task: "segment" | "detect";
  readonly taps: readonly number[];
  /** Numbers of the head. */
  readonly headNumbers: number;
  readonly also?: ImageStoreOptions["also"];
  start(): HeadNumbers;
  learning(
    settings: DenseSettings,
    rows: DenseRows<Truth>,
    store: ImageStore,
    start: HeadNumbers,
  ): LearningTask;
  validation(settings: DenseSettings, rows: DenseRows<Truth>, store: ImageStore): Validation;
  answer(
    settings: DenseSettings,
    learnt: Learnt,
    rows: DenseRows<Truth>,
    store: ImageStore,
  ): Promise<Outcome[]>;
  score(outcomes: readonly Outcome[]): Score;
  /** Of one image alone, 0..1: what the paired test compares. */
  scoreOfImage(outcome: Outcome): number;
  /** Task, head and calibration of the manifest. @param outcomes on held-out images */
  manifest(outcomes: readonly Outcome[]): Partial<PromptManifest>;
  findings(outcomes: readonly Outcome[], prompt: Prompt): Promise<ReportFindings>;
  /** Objects, or images, of each label. */
  labelRows(rows: DenseRows<Truth>): readonly number[];
  judge(asked: Judged<Outcome>, rivals: readonly Judged<Outcome>[]): Judgement;
}

const HEAD_ALONE = "headAlone";

export async function openDense<Truth, Outcome>(
  job: ImageJob,
  hooks: Pick<JobHooks, "signal">,
  data: JobData<ImageFile<Truth>>,
  files: Pick<ReadFiles<unknown>, "start"> & AsyncDisposable,
  kindOf: (backbone: VisionBackbone) => DenseKind<Truth, Outcome>,
): Promise<Task<ImageFile<Truth>, DenseRows<Truth>, Learnt, Outcome>> {
  await using opened = new AsyncDisposableStack();
  opened.use(files);
  const backbone = opened.use(sharedSessions(job.tiles ? await withTiles(job.backbone) : job.backbone));
  const { manifest } = backbone;
  const { start } = files;
  const startHead = start?.takesHead ? (start.prompt.head as PatchHead).numbers : undefined;
  const kind = kindOf(backbone);
  const cut = (file: ImageFile<Truth>) =>
    job.tiles ? cutIntoTiles(file.source, manifest.preprocessing) : undefined;
  const trainTiles = await cut(data.train);
  const rows = { trainRows: trainTiles?.tiles.length ?? data.train.count, seed: job.seed };
  // Asked for alone, a head goes on; as a baseline it stands on its own.
  const aloneFrom = job.method === "head" ? startHead : undefined;
  const alone: DenseSettings = {
    ...chooseDenseSettings(manifest, {
      ...rows,
      ...(job.epochs === "auto" ? {} : { epochs: job.epochs }),
      method: "head",
      headStands: aloneFrom !== undefined,
    }),
    ...(aloneFrom && start && { init: start.what }),
  };
  const { task } = kind;
  const wish = { ...rows, ...wishesOf(job, start), method: job.method, headStands: true, task };
  const settings =
    job.method === "head" ? undefined : settled(chooseDenseSettings(manifest, wish), job, start, manifest);
  const plainLower = await openBelow(backbone, alone, kind);
  const promptedLower = settings ? await openBelow(backbone, settings, kind) : plainLower;
  const kept = opened.move();

  const rowsOf = async (
    file: ImageFile<Truth>,
    changed: boolean,
    onProgress: (share: number) => void = () => {},
  ): Promise<DenseRows<Truth>> => {
    const tiled = file === data.train ? trainTiles : await cut(file);
    const { source } = tiled ?? file;
    const range = AUGMENTATIONS[kind.task];
    const options: ImageStoreOptions = {
      ...(kind.also && { also: kind.also }),
      ...(changed && alone.copies > 0
        ? { augmentation: { range, copies: alone.copies, seed: job.seed } }
        : {}),
    };
    const plain = ImageStore.open(backbone, plainLower, source, options);
    const prompted = settings ? ImageStore.open(backbone, promptedLower, source, options) : plain;
    await prompted.fill((done) => onProgress(done / Math.max(1, source.images)));
    return {
      name: file.name,
      count: file.count,
      names: file.rows.map(nameOfRow),
      truths: file.truths,
      ...(tiled && { tiles: tiled.tiles }),
      plain,
      prompted,
      picture: (row) => pictureOf(file.source, row, PICTURE_SIDE),
    };
  };

  /** Of each rows once: a prompt goes on from there. */
  const heads = new WeakMap<DenseRows<Truth>, Promise<Learnt>>();
  /** A head on frozen features: what everything else is measured by. */
  const fitHead = (rows: DenseRows<Truth>): Promise<Learnt> => {
    const learnt = heads.get(rows) ?? learnHead(rows);
    heads.set(rows, learnt);
    return learnt;
  };
  const learnHead = async (rows: DenseRows<Truth>): Promise<Learnt> => {
    const run = await runTuning({
      settings: alone,
      task: kind.learning(alone, rows, rows.plain, aloneFrom ?? kind.start()),
      aborted: () => hooks.signal?.aborted ?? false,
    });
    if (run.end === "aborted") throw interrupted("stopped while the head alone was learnt");
    return { prompt: run.prompt, head: run.head };
  };
  const ofPublished = (prompt: Prompt): { settings: DenseSettings; learnt: Learnt } => {
    const { numbers } = prompt.head as { readonly numbers: HeadNumbers };
    if (prompt.method === "head" || settings === undefined)
      return { settings: alone, learnt: { prompt: new Float32Array(), head: numbers } };
    const { method } = prompt as PromptOfImages;
    const learnt = { prompt: numbersOf(prompt), head: numbers };
    return { settings: { ...settings, method }, learnt };
  };

  return {
    backbone: manifest,
    settings,
    baselines: [{ name: HEAD_ALONE, title: "head on frozen features" }],
    heads: [HEAD_ALONE],
    [Symbol.asyncDispose]: () => kept.disposeAsync(),

    prepareTraining: (file, onProgress) => rowsOf(file, true, onProgress),
    prepare: (file, onProgress) => rowsOf(file, false, onProgress),
    holding: {
      strataOf: ({ count }) => new Int32Array(count),
      pick: pickImages,
      // A run takes minutes: one part is held out, not each in turn.
      folds: 1,
    },

    fit: (rows) => fitHead(rows),
    answerBaselines: async (learnt, rows) => ({
      [HEAD_ALONE]: await kind.answer(alone, learnt, rows, rows.plain),
    }),

    learntRows: ({ prompted }) => prompted.lengths.length,
    runFacts: (train, validation) => [train.names, validation?.names],
    async learn({ train, validation, epochs, settings: candidate, ...run }) {
      const own = { ...(settings as DenseSettings), ...candidate, epochs };
      const options: RunOptions = {
        ...run,
        settings: own,
        task: kind.learning(own, train, train.prompted, startHead ?? (await fitHead(train)).head),
        ...(start && {
          start: async (random) => ({ prompt: await startNumbers(start, own, backbone, random) }),
        }),
        ...(validation ? { validation: kind.validation(own, validation, validation.prompted) } : {}),
      };
      return runTuning(options);
    },
    answerRun: (run: RunResult, rows) => kind.answer(settings as DenseSettings, run, rows, rows.prompted),

    score: (outcomes) => kind.score(outcomes),
    judge: (asked, rivals) => kind.judge(asked, rivals),

    async publish(published: Published<Learnt, Outcome>) {
      const { kind: name, tuned, fitted, receipt, heldOut } = published;
      const learnt = name === TUNED ? (tuned as Learnt) : (fitted as Learnt);
      const used = name === TUNED && settings ? { ...settings, epochs: tuned?.epoch ?? 0 } : alone;
      const shared = {
        format: "kilotune.prompt/1",
        input: "image",
        labels: [...data.labels],
        backbone: imageBackbone(backbone),
        storage: job.storage ?? "float16",
        receipt: { ...receipt, epochs: used.epochs, settings: { ...used } },
        metrics: {},
        ...kind.manifest(heldOut),
      };
      const head = { kind: kind.task === "segment" ? "segmentation" : "detection", numbers: learnt.head };
      const part =
        name === TUNED && settings ? await learntPart(backbone, settings, learnt.prompt) : undefined;
      const prompt = withPart(part, shared, head);
      return roundToStorage(prompt as unknown as Prompt, shared.storage as "float16");
    },
    answer(prompt, rows) {
      const { settings: own, learnt } = ofPublished(prompt);
      return kind.answer(own, learnt, rows, own === alone ? rows.plain : rows.prompted);
    },

    findings: (outcomes, prompt) => kind.findings(outcomes, prompt),
    // Of a whole image made smaller nothing was learnt.
    ...(!job.tiles && { attention: (prompt, file) => attentionOf(backbone, prompt, file) }),
    facts: ({ train, run }) => ({
      labelRows: kind.labelRows(train),
      truncatedRows: 0,
      settings: {},
      titles: {},
      sizes: { [HEAD_ALONE]: 2 * kind.headNumbers },
      trainableParameters: kind.headNumbers + (run?.prompt.length ?? 0),
      notes: { first: notesOf(start), last: [] },
    }),
    tokensIn: ({ prompted }) => tokensOf(prompted),
  };
}

type PromptOfImages = Exclude<Prompt, { method: "head" | "bias" }>;

/** Of a picture in the report, in pixels. */
export const PICTURE_SIDE = 360;

/** Some rows of a file; nothing is computed again. */
function pickImages<Truth>(rows: DenseRows<Truth>, wanted: readonly number[]): DenseRows<Truth> {
  const { tiles } = rows;
  const inStore = tiles
    ? wanted.flatMap((image) => [...tiles.keys()].filter((row) => tiles[row]?.image === image))
    : wanted;
  const plain = rows.plain.subset(inStore);
  return {
    name: rows.name,
    count: wanted.length,
    names: wanted.map((row) => rows.names[row] as string),
    truths: wanted.map((row) => rows.truths[row] as Truth),
    ...(tiles && {
      tiles: inStore.map((row) => {
        const { image, region } = tiles[row] as Tile;
        return { image: wanted.indexOf(image), region };
      }),
    }),
    plain,
    prompted: rows.prompted === rows.plain ? plain : rows.prompted.subset(inStore),
    picture: (row) => rows.picture(wanted[row] as number),
  };
}
