import { KilotuneError } from "@kilotune/contract";

/**
 * Sends the spans of this process to a collector (OTLP, JSON over HTTP), a few seconds' worth at a time. What has to wait
 * or isn't taken is dropped: a collector that is down costs calls nothing. The answer ends it, with what is left sent.
 * OpenTelemetry's SDK is loaded here and nowhere else.
 *
 * @param url `http://127.0.0.1:4318`; with a path other than `/`, that path instead of `/v1/traces`. Headers that the
 *   collector asks for are the SDK's own OTEL_EXPORTER_OTLP_HEADERS
 * @throws KilotuneError `bad_traces_url`, `traces_taken`
 */
export async function startTraces(
  url: string,
  log: (error: unknown) => void = () => {},
): Promise<() => Promise<void>> {
  const endpoint = endpointOf(url);
  const [
    { context, diag, DiagLogLevel, trace },
    sdk,
    { OTLPTraceExporter },
    { resourceFromAttributes },
    hooks,
  ] = await Promise.all([
    import("@opentelemetry/api"),
    import("@opentelemetry/sdk-trace"),
    import("@opentelemetry/exporter-trace-otlp-http"),
    import("@opentelemetry/resources"),
    import("@opentelemetry/context-async-hooks"),
  ]);
  const provider = new sdk.TracerProvider({
    resource: resourceFromAttributes({ "service.name": "kilotune" }),
    spanProcessors: [
      new sdk.BatchSpanProcessor({
        exporter: new OTLPTraceExporter({ url: endpoint, timeoutMillis: 5000 }),
        maxQueueSize: QUEUE_SPANS,
        maxExportBatchSize: BATCH_SPANS,
      }),
    ],
  });
  const isFirst = trace.setGlobalTracerProvider(provider);
  if (!isFirst) {
    await provider.shutdown();
    throw taken();
  }
  context.setGlobalContextManager(new hooks.AsyncLocalStorageContextManager().enable());
  const told = atMostEvery(60_000, () => log(notSent()));
  const quiet = () => {};
  diag.setLogger(
    { error: told, warn: quiet, info: quiet, debug: quiet, verbose: quiet },
    { logLevel: DiagLogLevel.ERROR, suppressOverrideMessage: true },
  );
  return async () => {
    await provider.shutdown().catch(told);
    trace.disable();
    context.disable();
    diag.disable();
  };
}

function endpointOf(text: string): string {
  const url = URL.parse(text);
  if (url === null || !/^https?:$/.test(url.protocol) || url.username || url.password || url.hash)
    throw new KilotuneError(
      "bad_traces_url",
      "expected an http or https address of an OTLP collector, without a user or a fragment",
      "Give for instance --traces http://127.0.0.1:4318; headers go into OTEL_EXPORTER_OTLP_HEADERS.",
      { kind: "usage" },
    );
  if (url.pathname === "/") url.pathname = "/v1/traces";
  return url.href;
}

/** What the SDK says of it may quote what the collector answered: the operator is told that, not what. */
function notSent(): KilotuneError {
  return new KilotuneError(
    "traces_not_sent",
    "Spans couldn't be sent to the collector, and are dropped.",
    "Look whether it is up and takes OTLP over HTTP at the address given by --traces.",
    { kind: "machine" },
  );
}

function taken(): KilotuneError {
  return new KilotuneError(
    "traces_taken",
    "expected no OpenTelemetry SDK in this process, saw one that is registered already",
    "Leave out --traces: that SDK gets the spans.",
    { kind: "usage" },
  );
}

function atMostEvery(ms: number, tell: () => void): () => void {
  let next = 0;
  return () => {
    const now = performance.now();
    if (now < next) return;
    next = now + ms;
    tell();
  };
}

/** Of some 4,000 calls, eight spans each. */
const QUEUE_SPANS = 32_768;
const BATCH_SPANS = 2048;
