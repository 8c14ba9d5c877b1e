import type { Backbone, VisionBackbone } from "@kilotune/backbone";
import { KilotuneError } from "@kilotune/contract";
import type { Service } from "@kilotune/service";
import { acceptPrompt } from "@kilotune/serving";
import { type ImageRequest, type InferAnswer, InferRequest, refusalOf } from "./infer-wire.ts";
import { answeringImages } from "./infer-images.ts";
import { answeringTexts } from "./infer-texts.ts";
import { logFault, logLine } from "./observe.ts";
import type { PromptFiles } from "./prompt-files.ts";
import { promptSource } from "./prompt-source.ts";

export interface InferOptions {
  readonly service: Pick<Service, "blobs" | "clock">;
  readonly backbone: Backbone | VisionBackbone;
  readonly files: PromptFiles;
  /** Of prompts in memory. */
  readonly cacheBytes: number;
}

/** What `infer` does with an event: texts or images to answers, errors as data. It never throws. */
export async function inferring({ service, backbone, files, cacheBytes }: InferOptions) {
  const loadPrompt = promptSource(service, files);
  const answering = ofImages(backbone)
    ? await answeringImages({ backbone, blobs: service.blobs, loadPrompt, cacheBytes })
    : await answeringTexts({ backbone, loadPrompt, cacheBytes });
  let keptSince = service.clock.now().getTime();

  /** Of a tenant that was erased nothing is kept for longer. Others' prompts are a GET away. */
  const forget = async () => {
    const now = service.clock.now().getTime();
    if (now - keptSince < KEPT_MS) return;
    keptSince = now;
    answering.forget();
    await files.clear();
  };

  return async (event: unknown): Promise<InferAnswer> => {
    const startedMs = performance.now();
    try {
      const request = parsed(event);
      await forget();
      if (request.task === "accept") return await accepted(backbone, request.file);
      const { task, tenant } = request;
      const answer = await answering.answer(request);
      const rows = ("inputs" in request ? request.inputs : request.images).length;
      logLine("inference", { task, tenant, rows, ms: performance.now() - startedMs });
      return bounded(answer);
    } catch (error) {
      const answer = refusalOf(error);
      if ("error" in answer && isOperators(event, answer.error)) logFault(error);
      return answer;
    }
  };
}

/** What of `infer` is another for texts and for images. */
export interface Answering {
  /** @throws KilotuneError `wrong_input` where the backbone reads the other kind; those of the predictor */
  answer(request: AskingRequest): Promise<InferAnswer>;
  /** Drops what is kept in memory of all prompts. */
  forget(): void;
}

export type AskingRequest = Exclude<InferRequest, { task: "accept" }>;
export type TextRequest = Exclude<AskingRequest, ImageRequest>;

function ofImages(backbone: Backbone | VisionBackbone): backbone is VisionBackbone {
  return "preprocessing" in backbone.manifest;
}

/** What the caller can do nothing about. Stored prompts are of this backbone, unless another was deployed under its name. */
function isOperators(
  event: unknown,
  { kind, code }: { readonly kind: string; readonly code: string },
): boolean {
  const isImport = (event as { task?: unknown } | null)?.task === "accept";
  return kind === "machine" || (code === "backbone_mismatch" && !isImport);
}

async function accepted({ manifest }: Backbone | VisionBackbone, file: string): Promise<InferAnswer> {
  const { sha256, backbone, task } = await acceptPrompt(Buffer.from(file, "base64"), [manifest]);
  return { accepted: { sha256, backbone, task } };
}

function parsed(event: unknown): InferRequest {
  const { data, error } = InferRequest.safeParse(event);
  if (data !== undefined) return data;
  // What is wrong is told by its place alone: the value may be a text.
  const places = error.issues.map(({ path }) => path.join(".") || "the event").join(", ");
  throw new KilotuneError(
    "bad_event",
    `expected {task, tenant, inputs or images, ..}, saw another ${places}`,
    "It is `api` and `batch` that call this function.",
    { kind: "machine" },
  );
}

/** Lambda would cut it off, and say so in words of its own. */
function bounded(answer: InferAnswer): InferAnswer {
  const written = JSON.stringify(answer);
  // A letter may take three bytes: only labels have such, and few answers are near the limit.
  if (written.length * 3 <= ANSWER_BYTES || Buffer.byteLength(written) <= ANSWER_BYTES) return answer;
  const ofTexts = "classified" in answer || "embedded" in answer || "tagged" in answer;
  throw new KilotuneError(
    "answer_too_large",
    ofTexts
      ? "What is answered about all these rows is more than 6 MB."
      : "The answer about these images is more than 6 MB.",
    ofTexts
      ? "Send fewer at once; of labels, ask for fewer with `top_k`."
      : "Send a smaller image, or ask for masks as `png` or `rle`.",
  );
}

const KEPT_MS = 3_600_000;
const ANSWER_BYTES = 6_000_000;
