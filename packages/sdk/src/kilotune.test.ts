import { describe, expect, it } from "vitest";
import { Kilotune } from "./kilotune.ts";

/** Answers every call with `{}`, and says where it went. */
function recorder() {
  const calls: { url: string; init: RequestInit }[] = [];
  const fetch = async (url: string | URL | Request, init: RequestInit = {}) => {
    calls.push({ url: String(url), init });
    return Response.json({});
  };
  return { calls, fetch: fetch as typeof globalThis.fetch };
}

describe("a client", () => {
  it.each([
    ["http://host:8787", "http://host:8787/v1/tenant"],
    ["http://host:8787/v1", "http://host:8787/v1/tenant"],
    ["https://host/kilotune/v1/", "https://host/kilotune/v1/tenant"],
  ])("of %s calls %s", async (baseURL, url) => {
    const { calls, fetch } = recorder();
    await new Kilotune({ baseURL, apiKey: "kt_a", fetch }).tenant.get();
    expect(calls.map((call) => call.url)).toEqual([url]);
  });

  it.each(["", "host:8787", "ftp://host", "http://user:pass@host", "http://host?x=1", "http://host#x"])(
    "of %j isn't made",
    (baseURL) => {
      expect(() => new Kilotune({ baseURL, apiKey: "kt_a" })).toThrow("baseURL: expected");
    },
  );

  it.each(["", " ", "kt_a b", "kt_a\n", "ключ"])("with the key %j isn't made", (apiKey) => {
    expect(() => new Kilotune({ baseURL: "http://host", apiKey })).toThrow("apiKey: expected");
  });

  it("sends JSON as JSON, nothing as nothing, and its own idempotency key where there is one", async () => {
    const { calls, fetch } = recorder();
    const kilotune = new Kilotune({ baseURL: "http://host", apiKey: "kt_a", fetch });
    await kilotune.jobs.create({ model: "m", training_file: "file-a" }, { idempotencyKey: "mine" });
    await kilotune.jobs.cancel("ftjob-a");
    expect(calls[0]!.init).toMatchObject({
      method: "POST",
      body: '{"model":"m","training_file":"file-a"}',
      headers: {
        authorization: "Bearer kt_a",
        "content-type": "application/json",
        "idempotency-key": "mine",
      },
    });
    expect(calls[1]!.init).not.toHaveProperty("body");
    expect(calls[1]!.init.headers).toEqual({ accept: "application/json", authorization: "Bearer kt_a" });
  });

  it("encodes what it is asked to filter by", async () => {
    const { calls, fetch } = recorder();
    const kilotune = new Kilotune({ baseURL: "http://host", apiKey: "kt_a", fetch });
    // An answer without data is no list; what counts is where it was looked for.
    await kilotune.jobs.list({ limit: 5, metadata: { "a b": "x&y" } }).catch(() => {});
    expect(calls[0]!.url).toBe("http://host/v1/fine_tuning/jobs?limit=5&metadata%5Ba+b%5D=x%26y");
  });
});
