import { once } from "node:events";
import { createServer, request as send, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { buffer } from "node:stream/consumers";

/** What happens to a request instead of its answer. */
export type AwsFault =
  /** Answered at once, as AWS does where it refuses. */
  | { readonly status: number; readonly code: string; readonly headers?: Readonly<Record<string, string>> }
  /** Never. */
  | "hang"
  | { readonly delayMs: number }
  /** After its head and so many bytes the line is cut. */
  | { readonly cutAfter: number };

/** A line to the emulator that can be made to fail. */
export interface FaultProxy extends AsyncDisposable {
  readonly url: string;
  /** Each meets one request that it is for; `action`: an operation of DynamoDB's, a method of S3's. */
  readonly faults: { readonly action: string; readonly fault: AwsFault }[];
  /** As they came. */
  readonly requests: { readonly action: string; readonly headers: IncomingMessage["headers"] }[];
}

export async function faultProxy(to: string): Promise<FaultProxy> {
  const faults: FaultProxy["faults"] = [];
  const requests: FaultProxy["requests"] = [];
  const handle = async (incoming: IncomingMessage, outgoing: ServerResponse) => {
    const { headers, method = "GET" } = incoming;
    const target = headers["x-amz-target"];
    const action = typeof target === "string" ? (target.split(".")[1] as string) : method;
    requests.push({ action, headers });
    const at = faults.findIndex((each) => each.action === action);
    const fault = at < 0 ? undefined : faults.splice(at, 1)[0]?.fault;
    const body = await buffer(incoming);
    if (fault === "hang") return;
    if (typeof fault === "object" && "status" in fault) return refuse(outgoing, fault, target !== undefined);
    if (typeof fault === "object" && "delayMs" in fault)
      await new Promise((resolve) => setTimeout(resolve, fault.delayMs));
    const passed = send(new URL(incoming.url ?? "/", to), { method, headers });
    passed.end(body);
    const [answer] = (await once(passed, "response")) as [IncomingMessage];
    outgoing.writeHead(answer.statusCode ?? 500, answer.headers);
    const bytes = await buffer(answer);
    if (typeof fault !== "object" || !("cutAfter" in fault)) return outgoing.end(bytes);
    outgoing.write(bytes.subarray(0, fault.cutAfter), () => incoming.socket.destroy());
  };
  const server = createServer((incoming, outgoing) => {
    handle(incoming, outgoing).catch(() => outgoing.destroy());
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    faults,
    requests,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function refuse(
  outgoing: ServerResponse,
  { status, code, headers = {} }: Extract<AwsFault, { status: number }>,
  isJson: boolean,
): void {
  const type = isJson ? "application/x-amz-json-1.0" : "application/xml";
  outgoing.writeHead(status, { "content-type": type, ...headers });
  outgoing.end(
    isJson
      ? JSON.stringify({ __type: `com.amazonaws.dynamodb.v20120810#${code}`, message: code })
      : `<?xml version="1.0"?><Error><Code>${code}</Code><Message>${code}</Message></Error>`,
  );
}
