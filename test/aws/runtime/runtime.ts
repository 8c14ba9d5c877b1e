import { Writable } from "node:stream";
import { pathToFileURL } from "node:url";

/** What Lambda runs in front of a function on Node, as far as a function can tell: loads it, hands it events one by one. */

export interface Call {
  readonly id: number;
  readonly event: unknown;
  readonly timeoutMs: number;
}

export type Told =
  /** Since the process was made: its first line, and the end of the function's start. */
  | { readonly kind: "ready"; readonly bootedMs: number; readonly startedMs: number }
  | { readonly kind: "answered"; readonly id: number; readonly answer: Answer };

export interface Answer {
  /** Of a handler that doesn't stream. */
  readonly payload?: unknown;
  /** Of one that streams: what came before the body, and the body in base64. */
  readonly head?: unknown;
  readonly body?: string;
  /** Thrown; of a stream, in its middle. */
  readonly error?: { readonly errorType: string; readonly errorMessage: string };
}

const bootedMs = performance.now();

class ResponseStream extends Writable {
  head: unknown;
  readonly parts: Buffer[] = [];

  override _write(chunk: Buffer, _: BufferEncoding, done: () => void): void {
    this.parts.push(Buffer.from(chunk));
    done();
  }
}

type Handler = (event: unknown, second: unknown, third?: unknown) => unknown;
const streaming = new WeakSet<Handler>();

Object.assign(globalThis, {
  awslambda: {
    streamifyResponse(handler: Handler) {
      streaming.add(handler);
      return handler;
    },
    HttpResponseStream: {
      from(stream: ResponseStream, head: unknown) {
        stream.head = head;
        return stream;
      },
    },
  },
});

const { LAMBDA_TASK_ROOT = "/var/task", _HANDLER = "index.handler" } = process.env;
const [file, name] = _HANDLER.split(".") as [string, string];
const { [name]: handler } = (await import(pathToFileURL(`${LAMBDA_TASK_ROOT}/${file}.mjs`).href)) as Record<
  string,
  Handler
>;
if (handler === undefined) throw new Error(`${file}.mjs exports no ${name}`);

process.on("message", async ({ id, event, timeoutMs }: Call) => {
  const endMs = performance.now() + timeoutMs;
  const context = {
    awsRequestId: String(id),
    functionName: process.env.AWS_LAMBDA_FUNCTION_NAME,
    invokedFunctionArn: "arn:aws:lambda:eu-central-1:000000000000:function:test",
    memoryLimitInMB: process.env.AWS_LAMBDA_FUNCTION_MEMORY_SIZE,
    getRemainingTimeInMillis: () => endMs - performance.now(),
  };
  tell({ kind: "answered", id, answer: await answerTo(handler, event, context) });
});
process.on("disconnect", () => process.exit(0));
tell({ kind: "ready", bootedMs, startedMs: performance.now() });

async function answerTo(handler: Handler, event: unknown, context: object): Promise<Answer> {
  const stream = new ResponseStream();
  const streamed = () => ({ head: stream.head, body: Buffer.concat(stream.parts).toString("base64") });
  const isStreaming = streaming.has(handler);
  try {
    const payload = isStreaming ? await handler(event, stream, context) : await handler(event, context);
    return isStreaming ? streamed() : { payload };
  } catch (thrown) {
    const error = thrown as Error;
    // As Lambda does: what is thrown stands in the log, words and all.
    console.error("Invoke Error", JSON.stringify({ errorType: error.name, stack: error.stack }));
    const told = { errorType: error.name, errorMessage: error.message };
    return isStreaming ? { ...streamed(), error: told } : { error: told };
  }
}

function tell(told: Told): void {
  process.send?.(told);
}
