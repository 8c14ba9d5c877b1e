import { type Backbone, packTexts } from "@kilotune/backbone";
import { KilotuneError } from "@kilotune/contract";
import type { Prng } from "@kilotune/dataset";
import { sizeOf, type Tensor } from "@kilotune/engine";
import { lengthBatches } from "../data/batches.ts";
import { promptSite } from "../prompt-site.ts";
import type { TuneSettings } from "../settings.ts";

/**
 * What a prompt starts as, other than small random numbers (Lester et al., arXiv:2104.08691; Li & Liang, arXiv:2101.00190).
 *
 * Random stays the default: with 5 rows a class no start was better beyond noise on training rows held out. Points above
 * random, kv on banking77: labels +0.4, -0.2, +0.1 (seeds 0 to 2), examples 0.0, +0.3 (seeds 0, 2), vocabulary -0.7, a text
 * -0.8 (seed 0); soft on clinc150: labels -0.5 (seed 0). `npm run bench -- starts` measures them.
 */
export type TextStart =
  /** Each virtual token is one of the backbone's own, drawn; special ones are none. */
  | { readonly kind: "vocabulary" }
  /** Each is a token of the text, in their order; they go round where the text has fewer. */
  | { readonly kind: "text"; readonly text: string }
  /**
   * Each is the mean of a group's tokens: of a label's name, of a class's rows. Where there are more groups than virtual
   * tokens, some are drawn; where fewer, they go round. Texts are ids as the tokenizer encodes them.
   */
  | { readonly kind: "groups"; readonly groups: readonly (readonly Int32Array[])[] };

/**
 * The start of a soft prompt, the tokens' embeddings; of deep prompts, what they are in front of each layer; or of a prefix, the
 * keys and values that the frozen layers make of that. -> the site's numbers, flat.
 *
 * @throws KilotuneError `bad_init` where there is nothing to start from, or the method knows no such start
 */
export function startFromTexts(
  backbone: Backbone,
  settings: TuneSettings,
  start: TextStart,
): (random: Prng) => Promise<Float32Array> {
  const { method, tokens } = settings;
  if (method === "lora" || method === "bias")
    throw badInit(
      "a method whose prompt stands for tokens",
      method,
      "Start it at random, or say kv, soft or deep.",
    );
  if (start.kind === "text") tokensOfText(backbone, start.text);
  return async (random) => {
    const { rows, picks } = tokensOf(backbone, start, tokens, random);
    return method === "soft"
      ? meansOfEmbeddings(backbone, rows, picks)
      : meansByLayer(backbone, settings, rows, picks);
  };
}

/**
 * Ids of a text, and the positions of its own tokens: neither special ones nor those of an instruction of the backbone's,
 * which is read along.
 * @throws KilotuneError `bad_init` where there are none
 */
export function tokensOfText(
  { tokenizer }: Backbone,
  text: string,
): { readonly ids: Int32Array; readonly positions: readonly number[] } {
  const { ids, firsts } = tokenizer.encodeWords(text, [[0, text.length]]);
  const [first = -1] = firsts;
  if (first < 0) throw badInit("a text with at least one token", "none", "Write some words.");
  const count = ids.length - tokenizer.specials.behind.length - first;
  return { ids, positions: Array.from({ length: count }, (_, at) => first + at) };
}

export function badInit(expected: string, seen: string, hint: string): KilotuneError {
  return new KilotuneError("bad_init", `init: expected ${expected}, saw ${seen}`, hint, { kind: "usage" });
}

interface Picked {
  /** Ids of the texts that are read, as encoded. */
  readonly rows: readonly Int32Array[];
  /** Of each virtual token whose mean it is: rows and positions within them. */
  readonly picks: readonly (readonly Place[])[];
}

type Place = readonly [row: number, position: number];

function tokensOf(backbone: Backbone, start: TextStart, tokens: number, random: Prng): Picked {
  const { tokenizer } = backbone;
  const { inFront, behind } = tokenizer.specials;
  const specials = inFront.length + behind.length;
  const ownPlaces = (ids: Int32Array, row: number): Place[] =>
    Array.from({ length: ids.length - specials }, (_, at) => [row, inFront.length + at]);
  const round = <T>(values: readonly T[]) =>
    Array.from({ length: tokens }, (_, at) => values[at % values.length] as T);
  switch (start.kind) {
    case "vocabulary": {
      const special = new Set([...inFront, ...behind]);
      const drawn: number[] = [];
      // A text that is cut at the backbone's longest would lack tokens.
      while (drawn.length < Math.min(tokens, tokenizer.maxTokens - specials)) {
        const id = random.integer(tokenizer.vocabularySize);
        if (!special.has(id)) drawn.push(id);
      }
      const ids = Int32Array.of(...inFront, ...drawn, ...behind);
      return { rows: [ids], picks: round(ownPlaces(ids, 0)).map((place) => [place]) };
    }
    case "text": {
      const { ids, positions } = tokensOfText(backbone, start.text);
      return { rows: [ids], picks: round(positions).map((position) => [[0, position]]) };
    }
    case "groups": {
      const filled = start.groups.filter((texts) => texts.some((ids) => ids.length > specials));
      if (filled.length === 0)
        throw badInit("words to start from", "texts without any", "Start from a text, or at random.");
      // Those of one order, whatever was drawn.
      const drawn = random
        .shuffle([...filled.keys()])
        .slice(0, tokens)
        .sort((a, b) => a - b);
      const rows: Int32Array[] = [];
      const means = drawn.map((group) =>
        (filled[group] as readonly Int32Array[]).flatMap((ids) => ownPlaces(ids, rows.push(ids) - 1)),
      );
      return { rows, picks: round(means) };
    }
  }
}

/** [P, H] */
async function meansOfEmbeddings(
  backbone: Backbone,
  rows: readonly Int32Array[],
  picks: Picked["picks"],
): Promise<Float32Array> {
  const { hiddenSize: H } = backbone.manifest.config;
  const shares = sharesByRow(rows, picks);
  const sums = new Float64Array(picks.length * H);
  await eachRow(backbone, { kind: "lower", firstLayer: 0 }, rows, ({ hidden }, row, at) => {
    const { data, dims } = hidden as Tensor;
    const S = dims[1] as number;
    for (const { token, position, share } of shares[row] as Share[]) {
      const from = (at * S + position) * H;
      for (let h = 0; h < H; h++) sums[token * H + h]! += share * (data[from + h] as number);
    }
  });
  return Float32Array.from(sums);
}

/** Of kv [L, 2, N, P, D], of deep [L, P, H], from the first layer on. */
async function meansByLayer(
  backbone: Backbone,
  settings: TuneSettings,
  rows: readonly Int32Array[],
  picks: Picked["picks"],
): Promise<Float32Array> {
  const { dims: wanted } = promptSite(settings, backbone.manifest);
  const [P, D] = wanted.slice(-2) as [number, number];
  const output = settings.method === "kv" ? "kv" : "states";
  const blocks = sizeOf(wanted) / (P * D);
  const shares = sharesByRow(rows, picks);
  const sums = new Float64Array(blocks * P * D);
  const { firstLayer } = settings;
  await eachRow(backbone, { kind: "keys", firstLayer }, rows, (results, row, at) => {
    const { data, dims } = results[output] as Tensor;
    const S = dims.at(-2) as number;
    for (const { token, position, share } of shares[row] as Share[])
      for (let block = 0; block < blocks; block++) {
        const from = ((at * blocks + block) * S + position) * D;
        const to = (block * P + token) * D;
        for (let d = 0; d < D; d++) sums[to + d]! += share * (data[from + d] as number);
      }
  });
  return Float32Array.from(sums);
}

/** What a position adds to a virtual token's mean. */
interface Share {
  readonly token: number;
  readonly position: number;
  readonly share: number;
}

function sharesByRow(rows: readonly Int32Array[], picks: Picked["picks"]): Share[][] {
  const byRow: Share[][] = rows.map(() => []);
  picks.forEach((places, token) => {
    for (const [row, position] of places) byRow[row]?.push({ token, position, share: 1 / places.length });
  });
  return byRow;
}

/** Runs all texts through a graph, and hands over each with its batch's results and its place there. */
async function eachRow(
  backbone: Backbone,
  graph: { readonly kind: "lower" | "keys"; readonly firstLayer: number },
  rows: readonly Int32Array[],
  take: (results: Readonly<Record<string, Tensor>>, row: number, at: number) => void,
): Promise<void> {
  const session = await backbone.open(graph);
  try {
    const lengths = Int32Array.from(rows, (ids) => ids.length);
    for (const batch of lengthBatches(lengths, 64)) {
      const ids = batch.map((row) => rows[row] as Int32Array);
      const longest = Math.max(...ids.map(({ length }) => length));
      const { pool: _, ...feeds } = packTexts(ids, longest, backbone.manifest.pooling);
      const results = await session.run(feeds);
      for (const [at, row] of batch.entries()) take(results, row, at);
    }
  } finally {
    await session.release();
  }
}
