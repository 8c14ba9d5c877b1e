import { createApi, createMetrics, DEFAULT_LIMITS, describeError } from "@kilotune/api";
import { type AcceptPrompt, adoptFirstAdminKey, type Inference, type Service } from "@kilotune/service";
import type { DeployedBackbone } from "./environment.ts";
import type { HttpApp } from "./http/handlers.ts";
import { count, logFault, logLine, time } from "./observe.ts";

export interface ApiOptions {
  readonly service: Service;
  readonly inference: Inference & { readonly accept: AcceptPrompt };
  readonly backbones: readonly DeployedBackbone[];
  readonly scratch: string;
  readonly adminKeyHash?: string | undefined;
}

/** The API as a function: its log and its metrics are CloudWatch's, its bodies as small as Lambda's events. */
export function apiApp({ service, inference, backbones, scratch, adminKeyHash }: ApiOptions): HttpApp {
  const api = createApi({
    service,
    inference,
    acceptPrompt: inference.accept,
    backbones: backbones.map(({ created: _, layers: __, ...told }) => told),
    limits: { ...DEFAULT_LIMITS, ...EVENT_LIMITS, spoolFolder: scratch },
    logger({ time: _, level, event, error, ...line }) {
      logLine(event, { ...line, ...(error !== undefined && { error: codeOf(error) }) });
      if (level === "error") logFault(error);
    },
    metrics: {
      ...createMetrics(0),
      answered({ status, seconds }) {
        count("Requests");
        if (status >= 500) count("ServerErrors");
        else if (status >= 400) count("ClientErrors");
        time("RequestMs", 1000 * seconds);
      },
      inferred({ rows, tokens, seconds }) {
        count("Rows", rows);
        count("Tokens", tokens);
        time("InferenceMs", 1000 * seconds);
      },
    },
  });
  let adopted: Promise<void> | undefined;
  const adoptOnce = () => {
    adopted ??= adoptFirstAdminKey(service, adminKeyHash as string).catch((error: unknown) => {
      adopted = undefined;
      throw error;
    });
    return adopted;
  };
  return {
    async fetch(request) {
      try {
        // Only who comes as the platform may need it to be there.
        if (adminKeyHash !== undefined && new URL(request.url).pathname.startsWith("/admin/"))
          await adoptOnce();
        return await api.fetch(request);
      } catch (error) {
        logFault(error);
        return refusal(error);
      }
    },
    refuse: refusal,
  };
}

function refusal(error: unknown): Response {
  const { status, body, headers } = describeError(error);
  return Response.json(body, { status, headers });
}

function codeOf(error: Error): string {
  return "code" in error ? String(error.code) : error.name;
}

/** A binary body comes as base64, which leaves three quarters of 6 MB, less its head. */
const EVENT_LIMITS = { jsonBytes: 6 * 2 ** 20, fileBytes: 4_400_000, partBytes: 4_400_000 };
