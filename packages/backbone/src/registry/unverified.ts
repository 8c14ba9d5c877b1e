import type { TextFamily } from "../text/families.ts";
import { E5_INSTRUCTIONS } from "./instructions.ts";
import type { Instructions } from "../text/sentence.ts";

/**
 * A checkpoint that people ask for, of a family that is known here, whose hashes we haven't seen with our own eyes. It isn't
 * fetched: who downloads its files gives their folder, and the bundle is bound to what these are.
 */
export interface UnverifiedBackbone {
  readonly id: string;
  readonly title: string;
  readonly family: TextFamily;
  /** SPDX identifier, as the repository's card has it. */
  readonly licence: string;
  /** On Hugging Face. */
  readonly repository: string;
  /** Words that its card wants in front of texts; for its folder to be read with them, they have to be in its config_sentence_transformers.json. */
  readonly instructions?: Instructions;
}

export const UNVERIFIED_BACKBONES: readonly UnverifiedBackbone[] = [
  {
    id: "multilingual-e5-small",
    title: "sentences of 100 languages, 12 layers, 384 wide",
    family: "bert",
    licence: "MIT",
    repository: "intfloat/multilingual-e5-small",
    instructions: E5_INSTRUCTIONS,
  },
  {
    id: "paraphrase-multilingual-minilm-l12-v2",
    title: "sentences of 50 languages, 12 layers, 384 wide",
    family: "bert",
    licence: "Apache-2.0",
    repository: "sentence-transformers/paraphrase-multilingual-MiniLM-L12-v2",
  },
  {
    id: "xlm-roberta-base",
    title: "words of 100 languages, not tuned to sentences, 12 layers, 768 wide",
    family: "roberta",
    licence: "MIT",
    repository: "FacebookAI/xlm-roberta-base",
  },
  {
    id: "roberta-base",
    title: "English words, not tuned to sentences, 12 layers, 768 wide",
    family: "roberta",
    licence: "MIT",
    repository: "FacebookAI/roberta-base",
  },
  {
    id: "bge-small-en-v1.5",
    title: "English sentences, first token, 12 layers, 384 wide",
    family: "bert",
    licence: "MIT",
    repository: "BAAI/bge-small-en-v1.5",
  },
  {
    id: "gte-small",
    title: "English sentences, 12 layers, 384 wide",
    family: "bert",
    licence: "MIT",
    repository: "thenlper/gte-small",
  },
  {
    id: "all-mpnet-base-v2",
    title: "English sentences, 12 layers, 768 wide",
    family: "mpnet",
    licence: "Apache-2.0",
    repository: "sentence-transformers/all-mpnet-base-v2",
  },
  {
    id: "distilbert-base-uncased",
    title: "English words, not tuned to sentences, 6 layers, 768 wide",
    family: "distilbert",
    licence: "Apache-2.0",
    repository: "distilbert/distilbert-base-uncased",
  },
  {
    id: "modernbert-base",
    title: "English words and code, not tuned to sentences, 22 layers, 768 wide",
    family: "modernbert",
    licence: "Apache-2.0",
    repository: "answerdotai/ModernBERT-base",
  },
];
