import type { Backbone, VisionBackbone } from "@kilotune/backbone";
import { KilotuneError, type PromptId, parsePromptId, type TenantId } from "@kilotune/contract";
import type { TextOrPair } from "@kilotune/contract/wire";
import { decodePrompt, type StoredPrompt } from "@kilotune/prompt";
import { createSharpCodec, encodeMask } from "@kilotune/image/node";
import { answerImages, type Inference, openPrompt, type Service } from "@kilotune/service";
import {
  createPredictor,
  createVisionPredictor,
  type Predictor,
  type VisionPredictor,
} from "@kilotune/serving";
import { readsImages } from "./local-backbone.ts";

export interface LocalInference extends Inference {
  forget(tenant: TenantId): void;
  readonly predictors: ReadonlyMap<string, Predictor | VisionPredictor>;
  /** Answers what was accepted, refuses the rest. */
  close(): Promise<void>;
}

/** All tenants' texts and images, through one session a backbone. Prompts are the tenants' own blobs, loaded when first asked for. */
export async function localInference(
  service: Pick<Service, "records" | "blobs">,
  backbones: readonly (Backbone | VisionBackbone)[],
): Promise<LocalInference> {
  const texts = new Map<string, Predictor>();
  const images = new Map<string, VisionPredictor>();
  const codec = createSharpCodec();
  const loadPrompt = (ref: string) => promptOf(service as Service, ref);
  for (const backbone of backbones) {
    const { id } = backbone.manifest;
    if (readsImages(backbone)) images.set(id, await createVisionPredictor({ backbone, loadPrompt, codec }));
    else texts.set(id, await createPredictor({ backbone, loadPrompt }));
  }
  const predictors = new Map<string, Predictor | VisionPredictor>([...texts, ...images]);
  const predictorOf = (backbone: string) => served(texts, backbone);
  return {
    predictors,
    images: answerImages({
      blobs: service.blobs,
      predictorOf: (backbone) => served(images, backbone),
      refOf,
      encodeMask,
    }),
    async classify({ tenant, backbone, promptId, inputs, topK, signal, background = false }) {
      const prompt = refOf(tenant, promptId);
      const rows = await predictorOf(backbone).classify(requestsOf(inputs, prompt), {
        signal,
        background,
        ...(topK === undefined ? {} : { topK }),
      });
      return { rows, tokens: tokensOf(rows) };
    },
    async estimate({ tenant, backbone, promptId, inputs, signal, background = false }) {
      const requests = requestsOf(inputs, refOf(tenant, promptId));
      const rows = await predictorOf(backbone).estimate(requests, { signal, background });
      return { rows, tokens: tokensOf(rows) };
    },
    async tag({ tenant, backbone, promptId, inputs, signal, background = false }) {
      const prompt = refOf(tenant, promptId);
      const requests = inputs.map((text) => ({ text, prompt }));
      const rows = await predictorOf(backbone).tag(requests, { signal, background });
      return { rows, tokens: tokensOf(rows) };
    },
    async embed({ tenant, backbone, promptId, inputs, signal, background = false }) {
      const prompt = promptId && { prompt: refOf(tenant, promptId) };
      const rows = await predictorOf(backbone).embed(inputs, { signal, background, ...prompt });
      return { rows, tokens: tokensOf(rows) };
    },
    forget(tenant) {
      for (const predictor of predictors.values()) predictor.forget((ref) => ref.startsWith(`${tenant}/`));
    },
    async close() {
      await Promise.all([...predictors.values()].map((predictor) => predictor.close()));
    },
  };
}

function requestsOf(inputs: readonly TextOrPair[], prompt: string) {
  return inputs.map((input) =>
    typeof input === "string"
      ? { text: input, prompt }
      : { text: input.text, textPair: input.text_pair, prompt },
  );
}

/** Means the same bytes for ever, and to one tenant alone: so that its erasure can drop them. */
function refOf(tenant: TenantId, promptId: PromptId): string {
  return `${tenant}/${promptId}`;
}

async function promptOf(service: Service, ref: string): Promise<StoredPrompt> {
  const [tenant = "", promptId = ""] = ref.split("/");
  const { chunks } = await openPrompt(service, tenant as TenantId, promptId);
  const parts: Uint8Array[] = [];
  for await (const part of chunks) parts.push(part);
  const stored = await decodePrompt(Buffer.concat(parts));
  if (parsePromptId(stored.id.replace(/^sha256-/, "")) !== promptId) throw damaged();
  return stored;
}

function tokensOf(rows: readonly { readonly tokens: number }[]): number {
  return rows.reduce((sum, { tokens }) => sum + tokens, 0);
}

function served<Kind>(predictors: ReadonlyMap<string, Kind>, backbone: string): Kind {
  const predictor = predictors.get(backbone);
  if (predictor === undefined) throw notServed(backbone);
  return predictor;
}

function notServed(backbone: string): KilotuneError {
  return new KilotuneError(
    "model_not_found",
    `The backbone ${backbone} isn't served here any more.`,
    "Tune again on one that GET /v1/models lists.",
  );
}

function damaged(): KilotuneError {
  return new KilotuneError(
    "prompt_damaged",
    "expected the prompt whose SHA-256 is its name, saw other bytes",
    "Restore the data folder from a backup, or tune again.",
    { kind: "machine" },
  );
}
