import { PassThrough } from "node:stream";
import { ReadableStream } from "node:stream/web";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { bufferedAnswer, headOf, writeBody } from "./answer.ts";
import { requestOf } from "./event.ts";

const EVENT = {
  version: "2.0",
  rawPath: "/v1/models/ft%3Atiny",
  rawQueryString: "limit=2&after=a%20b",
  headers: { authorization: "Bearer x", "content-type": "application/json" },
  cookies: ["a=1", "b=2"],
  requestContext: { domainName: "x.lambda-url.eu-central-1.on.aws", http: { method: "POST" } },
  isBase64Encoded: false,
};

describe("an event as a request", () => {
  it("has its path as it came, its query, headers, cookies and body", async () => {
    const request = requestOf({ ...EVENT, body: '{"ä":"🙂"}' });
    expect(request.url).toBe(
      "https://x.lambda-url.eu-central-1.on.aws/v1/models/ft%3Atiny?limit=2&after=a%20b",
    );
    expect([request.method, request.headers.get("cookie")]).toEqual(["POST", "a=1; b=2"]);
    expect(request.headers.get("content-length")).toBe("13");
    expect(await request.json()).toEqual({ ä: "🙂" });
  });

  it("takes any bytes in base64", async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 1000 }), async (bytes) => {
        const body = Buffer.from(bytes).toString("base64");
        const request = requestOf({ ...EVENT, isBase64Encoded: true, body });
        expect(new Uint8Array(await request.arrayBuffer())).toEqual(Uint8Array.from(bytes));
      }),
    );
  });

  it("is refused in any other form, and never anything else", () => {
    const hostile = fc.oneof(
      fc.anything(),
      fc
        .record({
          rawPath: fc.string(),
          rawQueryString: fc.string(),
          headers: fc.dictionary(fc.string(), fc.anything()),
        })
        .map((wrong) => ({ ...EVENT, ...wrong })),
      fc.record({
        version: fc.constant("2.0"),
        rawPath: fc.string(),
        headers: fc.constant({}),
        requestContext: fc.anything(),
      }),
    );
    fc.assert(
      fc.property(hostile, (event) => {
        try {
          expect(requestOf(event)).toBeInstanceOf(Request);
        } catch (error) {
          expect(error).toMatchObject({ code: "invalid_request", kind: "input" });
        }
      }),
    );
    expect(() =>
      requestOf({ ...EVENT, requestContext: { ...EVENT.requestContext, domainName: "evil/../" } }),
    ).toThrow();
    expect(() =>
      requestOf({ ...EVENT, requestContext: { ...EVENT.requestContext, http: { method: "TRACE" } } }),
    ).toThrow();
    expect(() => requestOf({ ...EVENT, body: "x".repeat(7e6) })).toThrow(
      expect.objectContaining({ code: "body_too_large" }),
    );
  });
});

describe("an answer", () => {
  it("is text where it says so, else base64; cookies stand apart", async () => {
    const headers = new Headers({ "content-type": "application/json" });
    headers.append("set-cookie", "a=1");
    headers.append("set-cookie", "b=2");
    expect(await bufferedAnswer(new Response('{"ä":1}', { status: 201, headers }))).toEqual({
      statusCode: 201,
      headers: { "content-type": "application/json" },
      cookies: ["a=1", "b=2"],
      body: '{"ä":1}',
      isBase64Encoded: false,
    });
    const bytes = Uint8Array.from([0, 255, 128]);
    expect(await bufferedAnswer(new Response(bytes))).toMatchObject({ body: "AP+A", isBase64Encoded: true });
    await expect(bufferedAnswer(new Response("x".repeat(6e6)))).rejects.toMatchObject({
      code: "not_implemented",
    });
  });

  async function* encoded(chunks: AsyncIterable<string>) {
    for await (const chunk of chunks) yield Buffer.from(chunk);
  }
  const streaming = (chunks: () => AsyncIterable<string>) =>
    new Response(ReadableStream.from(encoded(chunks())) as BodyInit);

  it("comes as it is made, as fast as it is taken", async () => {
    const stream = new PassThrough({ highWaterMark: 10 });
    let made = 0;
    const response = streaming(async function* () {
      for (; made < 1000; made++) yield "12345678";
    });
    const written = writeBody(response, stream);
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(made).toBeLessThan(20);
    let taken = 0;
    stream.on("data", (chunk: Buffer) => {
      taken += chunk.length;
    });
    await written;
    stream.end();
    expect([made, taken]).toEqual([1000, 8000]);
    expect(headOf(response)).toMatchObject({ statusCode: 200 });
  });

  it("that breaks, breaks; one that nobody takes any more, ends", async () => {
    const broken = streaming(async function* () {
      yield "half";
      throw new Error("broken");
    });
    await expect(writeBody(broken, new PassThrough())).rejects.toThrow("broken");

    const stream = new PassThrough({ highWaterMark: 1 });
    let ended = false;
    const endless = streaming(async function* () {
      try {
        for (;;) yield "x".repeat(100);
      } finally {
        ended = true;
      }
    });
    const written = writeBody(endless, stream);
    await new Promise((resolve) => setTimeout(resolve, 10));
    stream.destroy();
    await written;
    expect(ended).toBe(true);
  });
});
