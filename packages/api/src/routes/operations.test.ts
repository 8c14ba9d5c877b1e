import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { callsWith, openTestApi, type TestApi, type TestTenant, tune } from "../testing.ts";

let api: TestApi;
let tenant: TestTenant;
beforeAll(async () => {
  api = await openTestApi({ tenantsInMetrics: 2 });
  tenant = await api.newTenant();
});
afterAll(() => api[Symbol.asyncDispose]());

const nobody = (path: string) => callsWith(api, undefined).call("GET", path);
const metrics = async () => (await callsWith(api, api.adminKey).call("GET", "/metrics")).text;

describe("health", () => {
  it("needs no key, and tells a process that lives from one that takes calls", async () => {
    expect((await nobody("/healthz")).body).toEqual({ status: "ok" });
    expect((await nobody("/readyz")).status).toBe(200);
    api.ready = false;
    const { status, headers } = await nobody("/readyz");
    expect([status, headers.get("retry-after")]).toEqual([503, "1"]);
    expect((await nobody("/healthz")).status).toBe(200);
    api.ready = true;
  });
});

describe("metrics", () => {
  it("are by the route's pattern: an id or a made-up address makes no series", async () => {
    await tenant.call("GET", "/v1/files/file-a-secret-id");
    await tenant.call("GET", "/v1/made-up/address");
    await nobody("/made-up-too");
    await tenant.call("BREW", "/v1/models");
    const text = await metrics();
    expect(text).toContain('route="/v1/files/:id"');
    expect(text).toContain('kilotune_requests_total{method="GET",route="unmatched",status="404"}');
    for (const never of ["secret-id", "made-up", "BREW"]) expect(text).not.toContain(never);
  });

  it("name so many tenants and count the rest together", async () => {
    for (let at = 0; at < 4; at++) await (await api.newTenant()).call("GET", "/v1/models");
    const series = (await metrics()).match(/^kilotune_tenant_requests_total\{.*$/gm) ?? [];
    expect(series).toHaveLength(3);
    expect(series.some((line) => line.includes('tenant="other"'))).toBe(true);
  });

  it("count texts and tokens", async () => {
    const job = await tune(api, tenant);
    await tenant.call("POST", "/v1/classify", { model: job.tunedModel, input: ["a", "b"] });
    const text = await metrics();
    expect(text).toContain('kilotune_inference_rows_total{task="classify"} 2');
    expect(text).toContain('kilotune_inference_tokens_total{task="classify"} 10');
  });
});

describe("an answer", () => {
  it("has a request id of ours, whatever the caller sends, and the time taken", async () => {
    const { headers } = await tenant.call("GET", "/v1/models", undefined, { "x-request-id": "forged" });
    expect(headers.get("x-request-id")).toMatch(/^req_[0-9a-f]{32}$/);
    expect(headers.get("openai-processing-ms")).toMatch(/^\d+$/);
    expect(headers.get("x-content-type-options")).toBe("nosniff");
    const line = JSON.parse(api.log.at(-1) as string);
    expect(line).toMatchObject({
      level: "info",
      event: "request",
      requestId: headers.get("x-request-id"),
      method: "GET",
      route: "/v1/models",
      status: 200,
      tenant: tenant.id,
    });
    const missing = await nobody("/v1/models");
    expect(missing.headers.get("x-request-id")).toMatch(/^req_/);
  });

  it("may be read by pages of the origins named, and by no others", async () => {
    const preflight = (origin: string) =>
      callsWith(api, undefined).call("OPTIONS", "/v1/classify", undefined, {
        origin,
        "access-control-request-method": "POST",
        "access-control-request-headers": "authorization,content-type",
      });
    const named = await preflight("https://console.test");
    expect([named.status, named.headers.get("access-control-allow-origin")]).toEqual([
      204,
      "https://console.test",
    ]);
    expect(named.headers.get("access-control-allow-headers")).toContain("authorization");
    expect(named.headers.get("access-control-allow-credentials")).toBeNull();
    const other = await preflight("https://evil.test");
    expect(other.headers.get("access-control-allow-origin")).toBeNull();
    const refused = await tenant.call("GET", "/v1/files/x", undefined, { origin: "https://console.test" });
    expect(refused.status).toBe(404);
    expect(refused.headers.get("access-control-allow-origin")).toBe("https://console.test");
  });

  it("to a method that an address doesn't take says which it takes", async () => {
    const { status, headers, body } = await tenant.call("PUT", "/v1/models");
    expect([status, headers.get("allow"), body.error.code]).toEqual([405, "GET, HEAD", "method_not_allowed"]);
    expect((await tenant.call("HEAD", "/v1/models")).status).toBe(200);
    const steer = await tenant.call("GET", "/v1/fine_tuning/jobs/x/cancel");
    expect([steer.status, steer.headers.get("allow")]).toEqual([405, "POST"]);
  });
});
