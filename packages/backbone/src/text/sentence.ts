import { badConfig, type Fields, integer, object, oneOf } from "../config-fields.ts";
import type { TextConfig } from "./config.ts";

/** How token states become one sentence vector: their mean, the first's, the last's, the largest of each number. */
export type Pooling = "mean" | "cls" | "last" | "max";

/** What happens between a text and its vector, but for the tokenizer and the encoder. */
export interface SentencePreprocessing {
  readonly pooling: Pooling;
  /** Whether a plain sentence vector is divided by its length at the end; heads read unit vectors whatever this is. */
  readonly normalize: boolean;
  /** Longest input in tokens, special tokens included. */
  readonly maxTokens: number;
  /** Words in front of a text that say what it is for; left out where the checkpoint has none. */
  readonly instructions?: Instructions;
}

export interface Instructions {
  /** By name, such as query -> "query: ". Sorted by name. */
  readonly texts: Readonly<Record<string, string>>;
  /** The name of the one that is meant where none is asked for; left out: no words then. */
  readonly default?: string;
}

/** sentence-transformers' files beside a checkpoint, parsed; undefined where there's none. */
export interface SentenceFiles {
  readonly modules: unknown;
  readonly pooling: unknown;
  readonly sentenceBert: unknown;
  readonly sentenceTransformers: unknown;
}

/**
 * Reads what sentence-transformers says of a checkpoint. One that says nothing is pooled by the mean, its vectors are of
 * length one, and its texts have up to 512 tokens.
 * @param known instructions of a checkpoint that doesn't say them itself
 * @throws KilotuneError `bad_config`, naming file and field
 */
export function parsePreprocessing(
  files: SentenceFiles,
  config: Pick<TextConfig, "maxPositions">,
  known?: Instructions,
): SentencePreprocessing {
  const normalize = files.modules === undefined || parseModules(files.modules).normalize;
  const instructions = parseInstructions(files.sentenceTransformers) ?? known;
  return {
    pooling: parsePooling(files.pooling, instructions !== undefined),
    normalize,
    maxTokens: parseMaxTokens(files.sentenceBert, config),
    ...(instructions && { instructions }),
  };
}

/** Where the pooling's config lies: in the folder that modules.json names, else where it usually is. */
export function poolingFile(modules: unknown): string {
  const folder = modules === undefined ? "1_Pooling" : parseModules(modules).pooling;
  return `${folder ?? "1_Pooling"}/config.json`;
}

/** modules.json: the encoder itself, then at most a pooling and a division by the length. */
function parseModules(json: unknown): { pooling: string | undefined; normalize: boolean } {
  if (!Array.isArray(json)) throw badConfig("modules.json", "a list of modules", json);
  const modules = json.map((each) => {
    const fields = object(each, "modules.json");
    return { kind: String(fields.type).split(".").at(-1) ?? "", path: String(fields.path ?? "") };
  });
  const [encoder, ...rest] = modules;
  if (encoder?.kind !== "Transformer" || encoder.path !== "")
    throw badConfig("modules.json", "a Transformer in the checkpoint's own folder first", encoder);
  const kinds = rest.map(({ kind }) => kind);
  const other = kinds.find((kind) => kind !== "Pooling" && kind !== "Normalize");
  if (other !== undefined)
    throw badConfig("modules.json", "Pooling and Normalize behind the Transformer", other);
  const pooling = rest.find(({ kind }) => kind === "Pooling")?.path;
  if (pooling !== undefined && !/^[A-Za-z0-9][A-Za-z0-9_-]*$/.test(pooling))
    throw badConfig("modules.json", "a folder beside it for the Pooling", pooling);
  return { pooling, normalize: kinds.includes("Normalize") };
}

/** The pooling's config.json, in the spelling with a flag a mode or in the newer one with a name. */
export function parsePooling(json: unknown, hasInstructions = false): Pooling {
  if (json === undefined) return "mean";
  const fields = object(json, POOLING);
  if (hasInstructions) oneOf(fields, "include_prompt", [true], true);
  const mode = fields.pooling_mode === undefined ? flaggedMode(fields) : fields.pooling_mode;
  const found = typeof mode === "string" ? POOLING_MODES.get(mode) : undefined;
  if (found !== undefined) return found;
  throw badConfig(POOLING, `exactly one mode of ${[...POOLING_MODES.keys()].join(", ")}`, mode);
}

function flaggedMode(fields: Fields): unknown {
  const prefix = "pooling_mode_";
  const flags = Object.keys(fields).filter((key) => key.startsWith(prefix) && fields[key] === true);
  return flags.length === 1 ? flags[0]!.slice(prefix.length) : flags;
}

const POOLING = "1_Pooling/config.json";

const POOLING_MODES: ReadonlyMap<string, Pooling> = new Map([
  ["mean_tokens", "mean"],
  ["mean", "mean"],
  ["cls_token", "cls"],
  ["cls", "cls"],
  ["lasttoken", "last"],
  ["max_tokens", "max"],
  ["max", "max"],
]);

/**
 * Tokens that a text may have, special tokens included: sentence-transformers' `max_seq_length` (the length that the
 * checkpoint was trained at), else 512; never more than the encoder has positions for.
 */
export function parseMaxTokens(sentenceBert: unknown, config: Pick<TextConfig, "maxPositions">): number {
  const fields = sentenceBert === undefined ? {} : object(sentenceBert, "sentence_bert_config.json");
  return Math.min(integer(fields, "max_seq_length", 8, 1_000_000, 512), config.maxPositions);
}

/** `prompts` and `default_prompt_name` of config_sentence_transformers.json. Empty ones are none. */
function parseInstructions(json: unknown): Instructions | undefined {
  if (json === undefined) return undefined;
  const file = "config_sentence_transformers.json";
  const fields = object(json, file);
  const given = Object.entries(object(fields.prompts ?? {}, "prompts"));
  if (given.length > MOST_INSTRUCTIONS)
    throw badConfig("prompts", `at most ${MOST_INSTRUCTIONS} instructions`, given.length);
  for (const [name, text] of given)
    if (typeof text !== "string" || text.length > LONGEST_INSTRUCTION)
      throw badConfig(
        `prompts.${name.slice(0, 40)}`,
        `a text of at most ${LONGEST_INSTRUCTION} characters`,
        text,
      );
  const texts = (given as [string, string][]).filter(([, text]) => text !== "");
  const name = fields.default_prompt_name ?? undefined;
  if (name !== undefined && !given.some(([each]) => each === name))
    throw badConfig("default_prompt_name", "the name of one of the prompts, or null", name);
  if (texts.length === 0) return undefined;
  const isSaid = texts.some(([each]) => each === name);
  return {
    texts: Object.fromEntries(texts.sort(([a], [b]) => (a < b ? -1 : 1))),
    ...(isSaid && { default: name as string }),
  };
}

/** Far above any in use: an instruction takes room from each text. */
const MOST_INSTRUCTIONS = 64;
const LONGEST_INSTRUCTION = 1_000;
