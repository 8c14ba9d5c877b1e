import type { Answer } from "./runtime/runtime.ts";

/** A call as a Function URL or an HTTP API hands it to a function (payload format 2.0). */
export async function eventOf(request: Request, door: "url" | "http-api"): Promise<Record<string, unknown>> {
  const { pathname, searchParams, search } = new URL(request.url);
  const domainName =
    door === "url"
      ? "abc123.lambda-url.eu-central-1.on.aws"
      : "abc123.execute-api.eu-central-1.amazonaws.com";
  const bytes = Buffer.from(await request.arrayBuffer());
  // Text as it is, all else as base64: AWS goes by the type.
  const isText = /^(text\/|application\/json)/.test(request.headers.get("content-type") ?? "");
  const body = bytes.length === 0 ? {} : { body: bytes.toString(isText ? "utf8" : "base64") };
  return {
    version: "2.0",
    routeKey: "$default",
    rawPath: pathname,
    rawQueryString: search.slice(1),
    headers: { ...Object.fromEntries(request.headers), host: domainName, "x-forwarded-proto": "https" },
    queryStringParameters: Object.fromEntries(searchParams),
    requestContext: {
      accountId: "anonymous",
      apiId: "abc123",
      domainName,
      domainPrefix: "abc123",
      http: { method: request.method, path: pathname, protocol: "HTTP/1.1", sourceIp: "203.0.113.1" },
      requestId: "test",
      stage: "$default",
    },
    isBase64Encoded: bytes.length > 0 && !isText,
    ...body,
  };
}

/** What the client sees of an answer. */
export function responseOf({ payload, head, body, error }: Answer): Response {
  if (error !== undefined) throw new Error(`the line was cut: ${error.errorType}`);
  const { statusCode, headers, ...rest } = (head ?? payload) as {
    statusCode: number;
    headers: Record<string, string>;
    body?: string;
    isBase64Encoded?: boolean;
  };
  const bytes =
    head === undefined
      ? Buffer.from(rest.body ?? "", rest.isBase64Encoded ? "base64" : "utf8")
      : Buffer.from(body ?? "", "base64");
  return new Response(bytes, { status: statusCode, headers });
}
