import { parseBertConfig } from "../bert/config.ts";
import { planBertWeights } from "../bert/weights.ts";
import type { PlannedWeight } from "../bundle/write-weights.ts";
import { badConfig, object } from "../config-fields.ts";
import { parseDistilbertConfig } from "../distilbert/config.ts";
import { planDistilbertWeights } from "../distilbert/weights.ts";
import { parseModernbertConfig } from "../modernbert/config.ts";
import { planModernbertWeights } from "../modernbert/weights.ts";
import { parseMpnetConfig } from "../mpnet/config.ts";
import { planMpnetWeights } from "../mpnet/weights.ts";
import { parseRobertaConfig, ROBERTA_TYPES } from "../roberta/config.ts";
import { planRobertaWeights } from "../roberta/weights.ts";
import type { TextConfig } from "./config.ts";

/** Families of encoders of texts. XLM-RoBERTa and CamemBERT are RoBERTas of other texts. */
export type TextFamily = "bert" | "roberta" | "distilbert" | "mpnet" | "modernbert";

/** What a checkpoint's `config.json` tells of it, and how its weights become a bundle's. */
export interface TextCheckpoint {
  readonly family: TextFamily;
  readonly config: TextConfig;
  /** @throws KilotuneError `bad_weights` */
  plan(shapes: ReadonlyMap<string, readonly number[]>): PlannedWeight[];
}

/**
 * A new family is a new case.
 * @throws KilotuneError `bad_config`
 */
export function textFamilyOf(json: unknown): TextCheckpoint {
  const type = object(json, "config.json").model_type;
  switch (type) {
    case "bert": {
      const config = parseBertConfig(json);
      return { family: "bert", config, plan: (shapes) => planBertWeights(shapes, config) };
    }
    case "roberta":
    case "xlm-roberta":
    case "camembert": {
      const checkpoint = parseRobertaConfig(json);
      const plan: TextCheckpoint["plan"] = (shapes) => planRobertaWeights(shapes, checkpoint);
      return { family: "roberta", config: checkpoint.config, plan };
    }
    case "distilbert": {
      const config = parseDistilbertConfig(json);
      return { family: "distilbert", config, plan: (shapes) => planDistilbertWeights(shapes, config) };
    }
    case "mpnet": {
      const config = parseMpnetConfig(json);
      return { family: "mpnet", config, plan: (shapes) => planMpnetWeights(shapes, config) };
    }
    case "modernbert": {
      const config = parseModernbertConfig(json);
      return { family: "modernbert", config, plan: (shapes) => planModernbertWeights(shapes, config) };
    }
    default:
      throw badConfig("model_type", TEXT_TYPES.join(", "), type);
  }
}

/** The families' names in config.json. */
export const TEXT_TYPES: readonly string[] = ["bert", ...ROBERTA_TYPES, "distilbert", "mpnet", "modernbert"];
