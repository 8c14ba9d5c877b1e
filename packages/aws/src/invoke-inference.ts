import { setTimeout } from "node:timers/promises";
import { InvokeCommand, LambdaClient, type LambdaServiceException } from "@aws-sdk/client-lambda";
import { KilotuneError } from "@kilotune/contract";
import type { TextOrPair } from "@kilotune/contract/wire";
import type {
  AcceptPrompt,
  ClassifyAnswer,
  EmbedAnswer,
  EstimateAnswer,
  Inference,
  InferenceCall,
  TagAnswer,
} from "@kilotune/service";
import type { Environment } from "./environment.ts";
import { errorOf, InferAnswer, type InferRequest, named } from "./infer-wire.ts";
import { invokeImages } from "./invoke-images.ts";
import { traced } from "./observe.ts";
import { somePieces } from "./some-pieces.ts";

/**
 * The service's `Inference` where the model is another function: `infer` of the backbone that is asked for. Many rows go in
 * pieces, some at once, each to an instance of its own; what comes back is put together in order.
 *
 * Its errors are those of the function, by code; `overloaded` where Lambda runs no more of them at once,
 * `inference_unavailable` where it runs none, or one died.
 */
export function invokeInference({
  inferFunctions,
  tenantIsolation,
}: Environment & { readonly inferFunctions: Readonly<Record<string, string>> }): Inference & {
  /** Asks each backbone's function until one knows the file's hashes. */
  readonly accept: AcceptPrompt;
} {
  const client = traced(new LambdaClient({ requestHandler: LINE }));

  const ask = async (
    request: InferRequest,
    { backbone, signal, background }: Pick<InferenceCall, "backbone" | "signal" | "background">,
  ) => {
    if (!Object.hasOwn(inferFunctions, backbone)) throw notServed(backbone);
    const command = new InvokeCommand({
      FunctionName: inferFunctions[backbone] as string,
      Payload: JSON.stringify(request),
      ...(tenantIsolation && { TenantId: request.tenant }),
    });
    for (let waitMs = FIRST_WAIT_MS; ; waitMs = Math.min(2 * waitMs, LONGEST_WAIT_MS)) {
      try {
        const answer = await client.send(command, { abortSignal: signal });
        if (answer.FunctionError !== undefined) throw died(answer.FunctionError);
        return answerOf(answer.Payload);
      } catch (error) {
        signal.throwIfAborted();
        const seen = asInferenceError(error);
        // A batch waits until there is room.
        if (!background || seen.code !== "overloaded") throw seen;
        await setTimeout(waitMs * (0.5 + Math.random()), undefined, { signal });
      }
    }
  };

  /** All rows of a call, in their order, asked for in pieces. */
  async function answered<Row>(
    call: Omit<InferenceCall, "promptId" | "inputs"> & {
      readonly promptId?: string | undefined;
      readonly inputs: readonly TextOrPair[];
    },
    what: { readonly task: InferRequest["task"]; readonly topK?: number },
    rowsOf: (answer: Awaited<ReturnType<typeof ask>>) => Rows<Row> | undefined,
  ): Promise<Rows<Row>> {
    const { tenant, promptId } = call;
    const answers = await inPieces(call, async (inputs) => {
      const asked = { ...what, tenant, inputs, ...(promptId && { promptId }) };
      const rows = rowsOf(await ask(asked as InferRequest, call));
      if (rows === undefined) throw notUnderstood();
      return rows;
    });
    return joined(answers);
  }

  return {
    images: invokeImages(ask, notUnderstood),
    classify: ({ topK, ...call }): Promise<ClassifyAnswer> =>
      answered(call, { task: "classify", ...(topK === undefined ? {} : { topK }) }, (answer) =>
        "classified" in answer
          ? { rows: named(answer.classified), tokens: answer.classified.tokens }
          : undefined,
      ),
    estimate: (call): Promise<EstimateAnswer> =>
      answered(call, { task: "estimate" }, (answer) =>
        "estimated" in answer ? answer.estimated : undefined,
      ),
    tag: (call): Promise<TagAnswer> =>
      answered(call, { task: "tag" }, (answer) => ("tagged" in answer ? answer.tagged : undefined)),
    embed: (call): Promise<EmbedAnswer> =>
      answered(call, { task: "embed" }, (answer) => {
        if (!("embedded" in answer)) return undefined;
        const { rows, tokens } = answer.embedded;
        return {
          rows: rows.map(({ vector, truncated }) => ({ vector: floatsOf(vector), truncated })),
          tokens,
        };
      }),
    async accept(bytes, tenant) {
      const file = Buffer.from(bytes).toString("base64");
      let refused: unknown = notServed("that the file names");
      for (const backbone of Object.keys(inferFunctions)) {
        try {
          const signal = AbortSignal.timeout(ACCEPT_MS);
          const answer = await ask({ task: "accept", tenant, file }, { backbone, signal });
          if ("accepted" in answer) return { ...answer.accepted, bytes };
          throw notUnderstood();
        } catch (error) {
          if ((error as KilotuneError).code !== "backbone_mismatch") throw error;
          refused = error;
        }
      }
      throw refused;
    },
  };
}

/** Most texts of a piece: some seconds of one processor. */
const PIECE_ROWS = 128;
/** Most letters of a piece: as JSON they take up to six bytes each, and a call may have 6 MB. */
const PIECE_LETTERS = 900_000;

async function inPieces<Input extends TextOrPair, Answer>(
  { inputs }: { readonly inputs: readonly Input[] },
  ask: (inputs: Input[]) => Promise<Answer>,
): Promise<Answer[]> {
  const pieces: Input[][] = [];
  let letters = 0;
  for (const input of inputs) {
    const own = typeof input === "string" ? input.length : input.text.length + input.text_pair.length;
    const piece = pieces.at(-1);
    if (piece === undefined || piece.length >= PIECE_ROWS || letters + own > PIECE_LETTERS) {
      pieces.push([input]);
      letters = own;
    } else {
      piece.push(input);
      letters += own;
    }
  }
  return somePieces(pieces, ask);
}

interface Rows<Row> {
  readonly rows: readonly Row[];
  readonly tokens: number;
}

function joined<Row>(answers: readonly Rows<Row>[]): Rows<Row> {
  return {
    rows: answers.flatMap(({ rows }) => rows),
    tokens: answers.reduce((sum, { tokens }) => sum + tokens, 0),
  };
}

function floatsOf(base64: string): Float32Array {
  // A copy of its own: a small Buffer shares its memory with others, at any offset.
  return new Float32Array(new Uint8Array(Buffer.from(base64, "base64")).buffer);
}

/** @throws KilotuneError that of the function */
function answerOf(payload: Uint8Array | undefined) {
  let json: unknown;
  try {
    json = JSON.parse(Buffer.from(payload ?? []).toString());
  } catch {
    json = undefined;
  }
  const { data } = InferAnswer.safeParse(json);
  if (data === undefined) throw notUnderstood();
  if ("error" in data) throw errorOf(data.error);
  return data;
}

function asInferenceError(error: unknown): KilotuneError {
  if (error instanceof KilotuneError) return error;
  const { name = "", $metadata } = error as Partial<LambdaServiceException>;
  if (name === "TooManyRequestsException" || $metadata?.httpStatusCode === 429)
    return new KilotuneError(
      "overloaded",
      "All instances of the model are busy.",
      "Try again in a moment, or send fewer texts at once.",
      { kind: "machine", retryable: true, cause: error },
    );
  // A function or a right that is missing stays so until somebody deploys.
  const stays = name === "ResourceNotFoundException" || name === "AccessDeniedException";
  return unavailable("it can't be called", { retryable: !stays, cause: error });
}

function died(how: string): KilotuneError {
  return unavailable(`its function ended before it answered (${how})`, { retryable: true });
}

function notUnderstood(): KilotuneError {
  return unavailable("its function answered in another form than expected", { retryable: true });
}

function unavailable(
  seen: string,
  options: { readonly retryable: boolean; readonly cause?: unknown },
): KilotuneError {
  return new KilotuneError("inference_unavailable", `The model didn't answer: ${seen}.`, "Try again.", {
    kind: "machine",
    ...options,
  });
}

function notServed(backbone: string): KilotuneError {
  return new KilotuneError(
    "model_not_found",
    `The backbone ${backbone} isn't served here any more.`,
    "Tune again on one that GET /v1/models lists.",
  );
}

/** Longer than the API's own deadline; a cold start is within it. */
const LINE = { connectionTimeout: 1_000, requestTimeout: 65_000, throwOnRequestTimeout: true };
const ACCEPT_MS = 60_000;
const FIRST_WAIT_MS = 200;
const LONGEST_WAIT_MS = 5_000;
