import type { Backbone } from "@kilotune/backbone";
import { KilotuneError } from "@kilotune/contract";
import type { StoredPrompt } from "@kilotune/prompt";
import { createPredictor, type Predictor } from "@kilotune/serving";
import type { Answering, TextRequest } from "./infer.ts";
import { compact, type InferAnswer } from "./infer-wire.ts";
import { refOf } from "./prompt-source.ts";

export interface TextOptions {
  readonly backbone: Backbone;
  readonly loadPrompt: (ref: string) => Promise<StoredPrompt>;
  readonly cacheBytes: number;
}

/** Texts to answers, by a session of a backbone of texts. */
export async function answeringTexts(options: TextOptions): Promise<Answering> {
  const predictor = await createPredictor(options);
  return {
    async answer(request) {
      if ("images" in request) throw readsTexts(options.backbone.manifest.id);
      return answerTo(predictor, request);
    },
    forget: () => predictor.forget(() => true),
  };
}

async function answerTo(predictor: Predictor, request: TextRequest): Promise<InferAnswer> {
  if (request.task === "embed") {
    const { tenant, promptId, inputs } = request;
    const rows = await predictor.embed(
      inputs,
      promptId === undefined ? {} : { prompt: refOf(tenant, promptId) },
    );
    return {
      embedded: {
        rows: rows.map(({ vector, truncated }) => ({ vector: base64(vector), truncated })),
        tokens: tokensOf(rows),
      },
    };
  }
  const prompt = refOf(request.tenant, request.promptId);
  if (request.task === "tag") {
    const rows = await predictor.tag(request.inputs.map((text) => ({ text, prompt })));
    const told = rows.map(({ spans, truncated }) => ({ spans: [...spans], truncated }));
    return { tagged: { rows: told, tokens: tokensOf(rows) } };
  }
  const { inputs } = request;
  const requests = inputs.map((input) =>
    typeof input === "string"
      ? { text: input, prompt }
      : { text: input.text, textPair: input.text_pair, prompt },
  );
  if (request.task === "estimate") {
    const rows = await predictor.estimate(requests);
    const told = rows.map(({ value, truncated }) => ({ value, truncated }));
    return { estimated: { rows: told, tokens: tokensOf(rows) } };
  }
  const { topK } = request;
  const rows = await predictor.classify(requests, topK === undefined ? {} : { topK });
  return { classified: { ...compact(rows), tokens: tokensOf(rows) } };
}

function base64(vector: Float32Array): string {
  return Buffer.from(vector.buffer, vector.byteOffset, vector.byteLength).toString("base64");
}

function tokensOf(rows: readonly { readonly tokens: number }[]): number {
  return rows.reduce((sum, { tokens }) => sum + tokens, 0);
}

function readsTexts(backbone: string): KilotuneError {
  return new KilotuneError("wrong_input", `${backbone} reads texts, saw images`, "Send texts in `input`.");
}
