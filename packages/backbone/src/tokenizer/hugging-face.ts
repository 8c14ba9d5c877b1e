import { Tokenizer } from "@huggingface/tokenizers";
import { badTokenizer } from "./bad-tokenizer.ts";
import { bertNormalizer, bertPreTokenizer } from "./bert-words.ts";
import { byteLevelPreTokenizer } from "./byte-level.ts";
import { normalizeAsRust } from "./normal-forms.ts";
import { precompiledNormalizer } from "./precompiled.ts";
import { wordPiece } from "./word-piece.ts";

/** What we use of the library, with one token string for one id. */
export interface OpenedTokenizer {
  readonly vocabularySize: number;
  readonly unknownToken: string | undefined;
  /** Text -> tokens, without special ones. */
  split(text: string): string[];
  /** Tokens of one text or two -> ids with the special tokens around them, and the text that each belongs to. */
  addSpecials(first: string[], second: string[] | null): { ids: Int32Array; typeIds: Int32Array };
}

/**
 * Opens a tokenizer.json with `@huggingface/tokenizers`, some of whose parts are replaced by ours, since its own give other
 * ids than the Rust tokenizers. BERT's: for ideographs outside the basic plane, for a Greek word's last sigma and for marks
 * that are newer than Rust's Unicode tables, and in quadratic time in a long word. SentencePiece's table of characters: for
 * letters with marks apart, half-width kana. GPT-2's words: for white space that is JavaScript's alone. RoBERTa's frame: for
 * the types of a pair.
 */
export function openTokenizer(tokenizerJson: unknown, tokenizerConfig: unknown): OpenedTokenizer {
  const json = parse(tokenizerJson);
  const library = construct(json, tokenizerConfig ?? {});
  replaceNormalizers(library, json.normalizer);
  replacePreTokenizers(library, json.pre_tokenizer);
  const { model } = library;
  checkVocabulary(model);
  if (json.model.type === "WordPiece") model.encode = wordPiece(model.tokens_to_ids, json.model);

  const idOf = (token: string): number => {
    const id = model.tokens_to_ids.get(token) ?? model.unk_token_id;
    if (id === undefined) throw badTokenizer(`a vocabulary that holds ${JSON.stringify(token)}`, "none");
    return id;
  };
  return {
    vocabularySize: model.vocab.length,
    unknownToken: model.unk_token,
    split: (text) => library.tokenize(text),
    addSpecials(first, second) {
      const processed = library.post_processor?.(first, second, true);
      const tokens = processed?.tokens ?? [...first, ...(second ?? [])];
      const typeIds =
        json.post_processor?.type === "RobertaProcessing" ? [] : (processed?.token_type_ids ?? []);
      return {
        ids: Int32Array.from(tokens, idOf),
        typeIds: Int32Array.from(tokens, (_, i) => typeIds[i] ?? 0),
      };
    },
  };
}

function replaceNormalizers(library: LibraryTokenizer, json: Part | null | undefined): void {
  const own = (part: Part) => {
    if (part.type === "BertNormalizer") return bertNormalizer(part);
    if (isNormalForm(part.type)) {
      const form = part.type;
      return (text: string) => normalizeAsRust(text, form);
    }
    if (part.type === "Precompiled") return precompiledNormalizer(part.precompiled_charsmap);
    return undefined;
  };
  if (!json) return;
  const whole = own(json);
  if (whole !== undefined) library.normalizer = whole;
  partsOf(json, "normalizers").forEach((part, at) => {
    const normalize = own(part);
    if (normalize !== undefined && library.normalizer?.normalizers)
      library.normalizer.normalizers[at] = { normalize };
  });
}

function replacePreTokenizers(library: LibraryTokenizer, json: Part | null | undefined): void {
  const own = (part: Part) => {
    if (part.type === "BertPreTokenizer") return bertPreTokenizer;
    if (part.type === "ByteLevel") return byteLevelPreTokenizer(part);
    return undefined;
  };
  if (!json) return;
  const whole = own(json);
  if (whole !== undefined) library.pre_tokenizer = whole;
  partsOf(json, "pretokenizers").forEach((part, at) => {
    const split = own(part);
    if (split === undefined || !library.pre_tokenizer?.tokenizers) return;
    library.pre_tokenizer.tokenizers[at] = {
      pre_tokenize: (texts) => [texts].flat().flatMap((text) => split(text)),
    };
  });
}

function isNormalForm(type: unknown): type is "NFC" | "NFD" | "NFKC" | "NFKD" {
  return ["NFC", "NFD", "NFKC", "NFKD"].includes(String(type));
}

/** Of a Sequence. */
function partsOf(json: Part, name: string): Part[] {
  const parts = json.type === "Sequence" ? json[name] : [];
  return Array.isArray(parts) ? parts.map((part) => (typeof part === "object" && part ? part : {})) : [];
}

/** The library's own declarations don't resolve under NodeNext, so these are the members that we rely on. */
interface LibraryTokenizer {
  normalizer: (((text: string) => string) & { normalizers?: { normalize(text: string): string }[] }) | null;
  pre_tokenizer:
    | (((text: string) => string[]) & { tokenizers?: { pre_tokenize(texts: string | string[]): string[] }[] })
    | null;
  readonly model: LibraryModel;
  readonly post_processor:
    | ((
        first: string[],
        second: string[] | null,
        addSpecials: boolean,
      ) => { tokens: string[]; token_type_ids?: number[] })
    | null;
  tokenize(text: string): string[];
}

interface LibraryModel {
  readonly vocab: readonly string[];
  readonly tokens_to_ids: ReadonlyMap<string, number>;
  readonly unk_token: string | undefined;
  readonly unk_token_id: number | undefined;
  encode(words: readonly string[]): string[];
}

function construct(json: TokenizerJson, config: unknown): LibraryTokenizer {
  try {
    return new Tokenizer(json, config) as LibraryTokenizer;
  } catch (error) {
    const seen = error instanceof Error ? error.message : String(error);
    throw badTokenizer("parts that @huggingface/tokenizers knows", seen.slice(0, 200), error);
  }
}

/** The parts that we replace; the library looks at the rest. */
interface TokenizerJson {
  readonly model: Part;
  readonly normalizer?: Part | null;
  readonly pre_tokenizer?: Part | null;
  readonly post_processor?: Part | null;
}

type Part = Readonly<Record<string, unknown>>;

function parse(json: unknown): TokenizerJson {
  const isObject = (value: unknown) => typeof value === "object" && value !== null && !Array.isArray(value);
  const seen = isObject(json) ? (json as Part) : undefined;
  if (seen === undefined || !isObject(seen.model)) {
    throw badTokenizer(
      `a JSON object with a "model"`,
      seen ? `the fields ${Object.keys(seen).slice(0, 8)}` : typeof json,
    );
  }
  for (const part of ["normalizer", "pre_tokenizer", "post_processor"]) {
    if (seen[part] && !isObject(seen[part])) throw badTokenizer(`an object for "${part}"`, typeof seen[part]);
  }
  return seen as unknown as TokenizerJson;
}

/** Ids become rows of an embedding table: whole numbers, each one token's. */
function checkVocabulary(model: LibraryModel): void {
  if (model.vocab.length === 0) throw badTokenizer("a vocabulary", "none");
  for (const [token, id] of model.tokens_to_ids) {
    const sound = Number.isInteger(id) && id >= 0 && id < LARGEST_VOCABULARY && model.vocab[id] === token;
    if (!sound) {
      throw badTokenizer(
        "one whole number for each token",
        `${JSON.stringify(id)} for ${JSON.stringify(token)}`,
      );
    }
  }
}

/** Far above the largest in use (about 260,000), far below what would hurt. */
const LARGEST_VOCABULARY = 2_000_000;
