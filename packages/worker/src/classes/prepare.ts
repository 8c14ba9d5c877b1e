import type { Backbone, Cut } from "@kilotune/backbone";
import type { Session } from "@kilotune/engine";
import { embed, HiddenStore, type LinearSession, openLinearSession } from "@kilotune/tuner";
import type { ClassRows } from "./class-task.ts";
import type { RowsOf } from "../task.ts";
import type { LabelledTexts } from "./read-data.ts";

/** A file's texts, or pairs of them, as read. */
export interface ReadTexts extends RowsOf {
  readonly texts: readonly string[];
  /** Of rows about two texts the second ones. */
  readonly pairs?: readonly string[];
}

/** A file's texts as the tuner takes them. */
export interface TextRows extends RowsOf {
  /** What people see of each: both of a pair. */
  readonly texts: readonly string[];
  readonly store: HiddenStore;
  /** Unit vectors of the plain backbone, [rows, H] flat. */
  readonly vectors: Float32Array;
  readonly truncatedRows: number;
}

/** Of one class each. */
export interface PreparedRows extends ClassRows, TextRows {
  readonly store: HiddenStore;
}

/** The sessions that every job needs: those that turn texts into hidden states and plain vectors, and that of heads. */
export interface FrozenSessions {
  readonly lower: Session;
  readonly plain: Session;
  readonly linear: LinearSession;
  release(): Promise<void>;
}

/**
 * @param cut of the prompt's site, see cutOf
 * @param wanted tokens' states in place of texts' vectors
 */
export async function openFrozenSessions(
  backbone: Backbone,
  firstLayer: number,
  cut: Cut = "within attention",
  wanted?: "tokens",
): Promise<FrozenSessions> {
  // Released here if a later one doesn't open.
  await using opened = new AsyncDisposableStack();
  const keep = async <S extends Pick<Session, "release">>(opening: Promise<S>) =>
    opened.adopt(await opening, (session) => session.release());
  const lower = await keep(backbone.open({ kind: "lower", firstLayer, cut }));
  const plain = await keep(
    backbone.open({ kind: "upper", site: { kind: "none", firstLayer, cut }, ...(wanted && { wanted }) }),
  );
  const linear = await keep(openLinearSession(backbone.openGraph, backbone.manifest.config.hiddenSize));
  const kept = opened.move();
  return { lower, plain, linear, release: () => kept.disposeAsync() };
}

/** Second state of a job: rows -> token ids -> hidden states below the prompt -> plain vectors. */
export async function prepareTexts(
  backbone: Backbone,
  { lower, plain }: FrozenSessions,
  { name, texts, pairs }: Omit<ReadTexts, "count">,
  onProgress?: (share: number) => void,
): Promise<TextRows> {
  const encoded = texts.map((text, row) => encodeRow(backbone, text, pairs?.[row]));
  const store = await HiddenStore.compute(
    backbone,
    lower,
    encoded.map((row) => row.ids),
    {
      ...(pairs && { typeIds: encoded.map((row) => row.typeIds) }),
      onProgress: (done) => onProgress?.(done / texts.length),
    },
  );
  const vectors = await embed(plain, store, backbone.manifest.config.hiddenSize);
  return {
    name,
    count: texts.length,
    texts: pairs === undefined ? texts : texts.map((text, row) => shownPair(text, pairs[row] as string)),
    store,
    vectors,
    truncatedRows: encoded.filter((row) => row.truncated).length,
  };
}

/** As serving reads it. */
export function encodeRow({ tokenizer }: Backbone, text: string, pair: string | undefined) {
  if (pair === undefined) return { ...tokenizer.encode(text), typeIds: undefined };
  return tokenizer.encodePair(text, pair);
}

/** Both texts of a pair, for people. */
export function shownPair(text: string, pair: string): string {
  return `${text} | ${pair}`;
}

/** The same of rows that have a class each. */
export async function prepareRows(
  backbone: Backbone,
  sessions: FrozenSessions,
  file: Omit<LabelledTexts, "count">,
  onProgress?: (share: number) => void,
): Promise<PreparedRows> {
  return { ...(await prepareTexts(backbone, sessions, file, onProgress)), labels: file.labels };
}

/** Some rows of a file; nothing is computed again. */
export function pickTexts(rows: TextRows, wanted: readonly number[]): TextRows {
  return {
    name: rows.name,
    count: wanted.length,
    texts: wanted.map((row) => rows.texts[row] as string),
    store: rows.store.subset(wanted),
    vectors: vectorsOfRows(rows, wanted),
    truncatedRows: rows.truncatedRows,
  };
}

/** The vectors of some of a file's rows, [wanted, H] flat. */
export function vectorsOfRows(
  { vectors, count }: Pick<TextRows, "vectors" | "count">,
  wanted: readonly number[],
): Float32Array {
  const hiddenSize = vectors.length / Math.max(1, count);
  const picked = new Float32Array(wanted.length * hiddenSize);
  wanted.forEach((row, at) => {
    picked.set(vectors.subarray(row * hiddenSize, (row + 1) * hiddenSize), at * hiddenSize);
  });
  return picked;
}

export function pickRows(rows: PreparedRows, wanted: readonly number[]): PreparedRows {
  return {
    ...pickTexts(rows, wanted),
    labels: Int32Array.from(wanted, (row) => rows.labels[row] as number),
  };
}

/** Rows of two files after one another, as a run learns from them. */
export function joinRows(
  rows: PreparedRows,
  more: PreparedRows,
): Pick<PreparedRows, "labels" | "store" | "vectors"> {
  const vectors = new Float32Array(rows.vectors.length + more.vectors.length);
  vectors.set(rows.vectors);
  vectors.set(more.vectors, rows.vectors.length);
  return {
    labels: Int32Array.from([...rows.labels, ...more.labels]),
    store: rows.store.concat(more.store),
    vectors,
  };
}
