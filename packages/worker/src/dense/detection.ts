import { type VisionBackbone, withTiles } from "@kilotune/backbone";
import type { DetectionEvaluation, FiguresScore } from "@kilotune/contract";
import { type ImageRow, prng } from "@kilotune/dataset";
import { detectionTensors, headBytes, mergeBoxes, startHead, type TileBoxes } from "@kilotune/heads";
import { type Box, type Size, sizeOfImage, tilesOf } from "@kilotune/image";
import { detectionSpec, type Prompt, type Use } from "@kilotune/prompt";
import {
  ap50Of,
  type DetectionPlan,
  imageDetection as learnBoxes,
  inShape,
  type LabelledBox,
  type Learnt,
  openBoxes,
  planDetection,
  scoreDetections,
} from "@kilotune/tuner";
import { countedShare } from "../classes/outcome.ts";
import { type ImageFile, type ReadFiles, readImageFiles } from "../images/image-files.ts";
import type { ImageJob, JobEvent, JobHooks } from "../job.ts";
import type { TaskPlan } from "../task.ts";
import { bootstrap } from "./bootstrap.ts";
import { judgeRows } from "../judge-rows.ts";
import { type DenseKind, type DenseRows, openDense } from "./dense-task.ts";
import { matchBoxes } from "./match-boxes.ts";
import { boxesInTile } from "./tiles.ts";

export interface FoundBox extends LabelledBox {
  readonly score: number;
}

export interface DetectionOutcome {
  readonly name: string;
  readonly truths: readonly LabelledBox[];
  readonly found: readonly FoundBox[];
  picture(): ReturnType<DenseRows<unknown>["picture"]>;
}

type Boxes = readonly LabelledBox[];

/** A box for each object. */
export function imageDetection(
  job: ImageJob,
  hooks: JobHooks,
): TaskPlan<ImageFile<Boxes>, DenseRows<Boxes>, Learnt, DetectionOutcome> {
  let files: ReadFiles<Boxes>;
  let plan: DetectionPlan;
  return {
    async read(emit) {
      const read = await readImageFiles<Boxes>(job, "detect", emit, {
        labelsOf: async ({ rows, classes }) =>
          classes.length > 0
            ? classes
            : [
                ...new Set(
                  rows.flatMap(({ target }) =>
                    target.kind === "objects" ? target.objects.map(({ label }) => label) : [],
                  ),
                ),
              ].sort(),
        truthOf: objectsOf,
      });
      files = read;
      const { train, labels } = read.data;
      const { manifest } = job.tiles ? await withTiles(job.backbone) : job.backbone;
      if (job.tiles) emitCut(train.truths, manifest.preprocessing, emit);
      if (read.start?.takesHead) {
        const own = (read.start.prompt as Prompt<Use<"imageDetection">>).manifest;
        plan = { spec: detectionSpec(own), taps: own.head.taps };
        return read.data;
      }
      const images = [];
      for (const [row, objects] of train.truths.entries()) {
        const { codec, file } = train.source;
        for (const region of tilesOf(await sizeOfImage(codec, await file(row)), manifest.preprocessing))
          images.push({ size: region, objects: job.tiles ? boxesInTile(objects, region) : objects });
      }
      plan = planDetection(manifest, { classes: labels.length, images });
      return read.data;
    },
    open: (data) =>
      openDense(job, hooks, data, files, (backbone) => boxes(backbone, plan, data.labels, job.seed)),
  };
}

/** An object that is larger than a tile is learnt, and answered, in parts: its user should know. */
function emitCut(truths: readonly Boxes[], tile: Size, emit: (event: JobEvent) => void): void {
  const all = truths.flat();
  const cut = all.filter(({ box: [xmin, ymin, xmax, ymax] }) => {
    return xmax - xmin > tile.width || ymax - ymin > tile.height;
  }).length;
  if (cut === 0) return;
  const words = `${cut} of ${all.length} objects are wider or higher than a tile (${tile.width} x ${tile.height} pixels): they are learnt and answered in parts, a box for each; tune without tiles where such objects matter`;
  emit({ kind: "note", words });
}

/** Of a store's rows: images, or tiles of them. */
function objectsOfRows({ truths, tiles }: DenseRows<Boxes>): readonly Boxes[] {
  return tiles?.map(({ image, region }) => boxesInTile(truths[image] as Boxes, region)) ?? truths;
}

function boxes(
  backbone: VisionBackbone,
  plan: DetectionPlan,
  labels: readonly string[],
  seed: number,
): DenseKind<Boxes, DetectionOutcome> {
  const { spec, taps } = plan;
  const tensors = detectionTensors(spec);
  const scored = (outcomes: readonly DetectionOutcome[]) => scoresOf(outcomes, labels.length);
  const ap50 = (outcomes: readonly DetectionOutcome[]) => scored(outcomes).ap50 ?? 0;
  // Where there is nothing to find, nothing found is right.
  const ofImage = (outcome: DetectionOutcome) =>
    outcome.truths.length > 0 ? ap50([outcome]) : Number(!outcome.found.some(({ score }) => score >= 0.3));
  return {
    task: "detect",
    taps,
    headNumbers: headBytes(tensors, 2) / 2,
    start: () => startHead(tensors, prng(seed, "head")),
    learning(settings, rows, store, start) {
      return learnBoxes(backbone, settings, plan, { store, objects: objectsOfRows(rows) }, start);
    },
    validation: (settings, rows, store) =>
      ap50Of(backbone, settings, plan, { store, objects: objectsOfRows(rows) }),
    async answer(settings, learnt, rows, store) {
      const finder = await openBoxes(backbone, settings, plan);
      try {
        const outcomes: DetectionOutcome[] = [];
        const add = (image: number, found: readonly FoundBox[]) => {
          outcomes[image] = {
            name: rows.names[image] as string,
            truths: rows.truths[image] as Boxes,
            found,
            picture: () => rows.picture(image),
          };
        };
        let parts: TileBoxes[] = [];
        for await (const { row, found } of finder.find(store, learnt)) {
          const tile = rows.tiles?.[row];
          if (tile === undefined) {
            add(row, found);
            continue;
          }
          parts.push({ tile: tile.region, found });
          if (rows.tiles?.[row + 1]?.image === tile.image) continue;
          add(tile.image, mergeBoxes(parts));
          parts = [];
        }
        return outcomes;
      } finally {
        await finder.release();
      }
    },
    score: (outcomes) => scoreBoxes(outcomes, labels.length),
    scoreOfImage: ofImage,
    judge: (asked, rivals) =>
      judgeRows(asked, rivals, { title: "mAP@0.5", rows: "images", of: ap50, ofRow: ofImage }),
    manifest: (outcomes) => ({
      task: "detection",
      head: {
        kind: "detection",
        taps: [...taps],
        innerWidth: spec.innerWidth,
        cellsPerPatch: spec.cellsPerPatch,
        usualReach: spec.usualReach,
      },
      calibration: { threshold: bestThreshold(outcomes), overlap: 0.6 },
    }),
    async findings(outcomes, prompt) {
      const { threshold } = (prompt as Prompt<Use<"imageDetection">>).manifest.calibration;
      return { task: "detection", evaluation: await evaluateBoxes(outcomes, labels, threshold) };
    },
    labelRows: ({ truths }) =>
      labels.map((_, label) => truths.flat().filter((each) => each.label === label).length),
  };
}

function scoresOf(outcomes: readonly DetectionOutcome[], classes: number) {
  return scoreDetections(
    outcomes.map(({ truths, found }) => ({
      truths: truths.map(inShape),
      detections: found.map((each) => ({ ...inShape(each), score: each.score })),
    })),
    classes,
  );
}

export function scoreBoxes(outcomes: readonly DetectionOutcome[], classes: number): FiguresScore {
  const { ap, ap50, ap75 } = scoresOf(outcomes, classes);
  const drawnScore = (drawn: readonly number[]) =>
    scoresOf(
      drawn.map((at) => outcomes[at]!),
      classes,
    ).ap50 ?? 0;
  const figures = { map50: ap50 ?? 0, map: ap ?? 0, map75: ap75 ?? 0 };
  return {
    rows: outcomes.length,
    main: "map50",
    figures,
    interval: bootstrap(outcomes.length, drawnScore, 60),
  };
}

/** Objects of a row. One of a label that no training row has can't be found: it isn't asked for. */
export function objectsOf({ target }: ImageRow, classOf: ReadonlyMap<string, number>): Boxes {
  if (target.kind !== "objects") return [];
  return target.objects.flatMap(({ label, box }) => {
    const known = classOf.get(label);
    return known === undefined ? [] : [{ label: known, box }];
  });
}

/** The threshold with the best F1 of all objects together, on held-out images. */
function bestThreshold(outcomes: readonly DetectionOutcome[]): number {
  let best = { threshold: 0.3, f1: -1 };
  if (outcomes.length === 0) return best.threshold;
  for (let threshold = 0.1; threshold < 0.85; threshold += 0.05) {
    let [right, wanted, given] = [0, 0, 0];
    for (const { truths, found } of outcomes) {
      const match = matchBoxes(truths, found, threshold);
      right += match.answers.filter((each) => each.right).length;
      wanted += truths.length;
      given += match.answers.length;
    }
    const f1 = wanted + given === 0 ? 1 : (2 * right) / (wanted + given);
    if (f1 > best.f1) best = { threshold: Math.round(threshold * 100) / 100, f1 };
  }
  return best.threshold;
}

/** As many as a page shows. */
const EXAMPLES = 12;

export async function evaluateBoxes(
  outcomes: readonly DetectionOutcome[],
  labels: readonly string[],
  threshold: number,
): Promise<DetectionEvaluation> {
  const { ap, ap50, ap75, perClass } = scoresOf(outcomes, labels.length);
  const matched = outcomes.map((outcome) => ({
    outcome,
    ...matchBoxes(outcome.truths, outcome.found, threshold),
  }));
  const answers = matched.flatMap((each) => each.answers);
  const truths = matched.flatMap((each) => each.truths);
  const worst = [...matched]
    .map((each) => ({
      ...each,
      missed: each.truths.filter(({ found }) => !found).length,
      wrong: each.answers.filter(({ right }) => !right).length,
    }))
    .sort((a, b) => b.missed + b.wrong - (a.missed + a.wrong));
  const examples = [];
  for (const { outcome, missed, wrong, ...boxesOf } of worst.slice(0, EXAMPLES)) {
    const { picture, scale } = await outcome.picture();
    const scaled = <B extends LabelledBox>(each: B) => ({
      ...each,
      box: each.box.map((side) => Math.round(side * scale * 10) / 10) as unknown as Box,
    });
    examples.push({
      name: outcome.name,
      picture,
      missed,
      wrong,
      truth: boxesOf.truths.map(scaled),
      answer: boxesOf.answers.map(scaled),
    });
  }
  return {
    rows: outcomes.length,
    objects: truths.length,
    labels,
    map: ap ?? 0,
    map50: ap50 ?? 0,
    map75: ap75 ?? 0,
    threshold,
    perClass: labels.map((label, at) => {
      const own = truths.filter((each) => each.label === at);
      const given = answers.filter((each) => each.label === at);
      const score = perClass[at];
      return {
        label,
        objects: own.length,
        ap: score?.ap ?? null,
        ap50: score?.ap50 ?? null,
        sensitivity: countedShare(own.filter(({ found }) => found).length, own.length),
        precision: countedShare(given.filter(({ right }) => right).length, given.length),
        curve: [...(score?.curve?.precision ?? [])].map((value) => Math.round(value * 1e4) / 1e4),
      };
    }),
    examples,
    calibration: calibrationOf(outcomes),
    screening: labels.map((label, at) => {
      const seen = matched.map((each) => ({
        there: each.truths.some((truth) => truth.label === at),
        called: each.answers.some((answer) => answer.label === at),
      }));
      const [having, lacking] = [true, false].map((is) => seen.filter(({ there }) => there === is)) as [
        typeof seen,
        typeof seen,
      ];
      return {
        label,
        sensitivity: countedShare(having.filter(({ called }) => called).length, having.length),
        specificity: countedShare(lacking.filter(({ called }) => !called).length, lacking.length),
      };
    }),
  };
}

/** Whether a score is the share of answers that are right, in ten bins. */
function calibrationOf(outcomes: readonly DetectionOutcome[]): DetectionEvaluation["calibration"] {
  const bins = Array.from({ length: 10 }, () => ({ confidence: 0, right: 0, rows: 0 }));
  for (const { truths, found } of outcomes)
    for (const { score, right } of matchBoxes(truths, found, 0.05).answers) {
      const bin = bins[Math.min(9, Math.floor(score * 10))]!;
      bin.confidence += score;
      bin.right += Number(right);
      bin.rows++;
    }
  const filled = bins.filter(({ rows }) => rows > 0);
  const all = filled.reduce((sum, { rows }) => sum + rows, 0);
  if (all === 0) return null;
  const error = filled.reduce((sum, { confidence, right }) => sum + Math.abs(confidence - right), 0) / all;
  return {
    expectedCalibrationError: error,
    bins: filled.map(({ confidence, right, rows }) => ({
      confidence: confidence / rows,
      accuracy: right / rows,
      rows,
    })),
  };
}
