import { describe, expect, it } from "vitest";
import { type ApiError, apiError, ConnectionError, type Refusal, TimeoutError } from "../errors.ts";
import { pauseMs, retryAfterMs } from "./pause.ts";

const refused = (status: number, fields: Partial<Refusal> = {}): ApiError =>
  apiError({
    status,
    code: "c",
    message: "m",
    param: null,
    made: null,
    issues: [],
    requestId: null,
    retryable: true,
    retryAfterMs: undefined,
    ...fields,
  });

describe("the wait before the next try", () => {
  it("doubles up to eight seconds, less up to a quarter", () => {
    const waits = [0, 1, 2, 3, 4, 5, 60].map((failures) => pauseMs(refused(500), failures, true, () => 0));
    expect(waits).toEqual([500, 1000, 2000, 4000, 8000, 8000, 8000]);
    expect(pauseMs(new TimeoutError(1), 0, true, () => 1)).toBe(375);
  });

  it("is what the server asks for, to the minute; longer ends the call", () => {
    expect(pauseMs(refused(429, { retryAfterMs: 0 }), 5, true)).toBe(0);
    expect(pauseMs(refused(429, { retryAfterMs: 60_000 }), 0, true)).toBe(60_000);
    expect(pauseMs(refused(429, { retryAfterMs: 60_001 }), 0, true)).toBeUndefined();
  });

  it("isn't, where the call will be refused again, or was perhaps done and may not be done twice", () => {
    expect(pauseMs(refused(500, { retryable: false }), 0, true)).toBeUndefined();
    expect(pauseMs(new Error("not ours"), 0, true)).toBeUndefined();
    const may = (error: unknown) => pauseMs(error, 0, false) !== undefined;
    expect([408, 409, 429, 503].map((status) => may(refused(status)))).toEqual([true, true, true, true]);
    expect([500, 502, 504].map((status) => may(refused(status)))).toEqual([false, false, false]);
    expect(may(new ConnectionError("reset"))).toBe(false);
  });
});

describe("retry-after", () => {
  const now = Date.parse("2026-11-25T12:00:00Z");
  it.each<[Record<string, string>, number | undefined]>([
    [{ "retry-after-ms": "250", "retry-after": "9" }, 250],
    [{ "retry-after": "2" }, 2000],
    [{ "retry-after": "Wed, 25 Nov 2026 12:00:03 GMT" }, 3000],
    [{ "retry-after": "Wed, 25 Nov 2026 11:00:00 GMT" }, 0],
    [{ "retry-after-ms": "soon", "retry-after": "1" }, 1000],
    [{ "retry-after": "soon" }, undefined],
    [{ "retry-after-ms": "1e9" }, undefined],
    [{}, undefined],
  ])("%j asks for %s ms", (headers, ms) => {
    expect(retryAfterMs(new Headers(headers), now)).toBe(ms);
  });
});
