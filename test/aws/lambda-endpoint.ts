import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { buffer } from "node:stream/consumers";
import type { Answer } from "./runtime/runtime.ts";

/** Lambda's Invoke for functions that run on this machine, with its limit of 6 MB each way. */
export interface LambdaEndpoint extends AsyncDisposable {
  readonly url: string;
  /** As they came: function, tenant where one was named. */
  readonly calls: { readonly name: string; readonly tenant: string | undefined }[];
  /** Each meets one call, in order, instead of the function. */
  readonly faults: Fault[];
}

export interface Fault {
  readonly status: number;
  /** AWS's name of the error. */
  readonly type: string;
}

export async function lambdaEndpoint(
  invoke: (name: string, event: unknown) => Promise<Answer>,
): Promise<LambdaEndpoint> {
  const calls: LambdaEndpoint["calls"] = [];
  const faults: Fault[] = [];
  const handle = async (request: IncomingMessage, response: ServerResponse) => {
    const name = decodeURIComponent(request.url?.split("/")[3] ?? "");
    const body = await buffer(request);
    calls.push({ name, tenant: request.headers["x-amz-tenant-id"] as string | undefined });
    const fault = faults.shift();
    const refuse = ({ status, type }: Fault) => {
      response.writeHead(status, { "x-amzn-errortype": type, "content-type": "application/json" });
      response.end(JSON.stringify({ Type: "User", message: type }));
    };
    if (fault !== undefined) return refuse(fault);
    if (body.length > LIMIT_BYTES) return refuse({ status: 413, type: "RequestTooLargeException" });
    const { payload, error } = await invoke(name, JSON.parse(body.toString()));
    const text = JSON.stringify(error ?? payload ?? null);
    const isLarge = text.length > LIMIT_BYTES;
    if (error !== undefined || isLarge) response.setHeader("x-amz-function-error", "Unhandled");
    response.end(isLarge ? JSON.stringify({ errorType: "Function.ResponseSizeTooLarge" }) : text);
  };
  const server = createServer((request, response) => {
    handle(request, response).catch((error: Error) => response.writeHead(500).end(error.message));
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    calls,
    faults,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

const LIMIT_BYTES = 6 * 2 ** 20;
