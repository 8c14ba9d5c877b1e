import { Validator } from "@seriousme/openapi-schema-validator";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { callsWith, openTestApi, type TestApi } from "../testing.ts";

let api: TestApi;
beforeAll(async () => {
  api = await openTestApi();
});
afterAll(() => api[Symbol.asyncDispose]());

const get = async (path: string) => callsWith(api, undefined).call("GET", path);

interface Operation {
  readonly summary: string;
  readonly security: object;
  readonly responses: object;
}

describe("the OpenAPI document", () => {
  it("is valid OpenAPI 3.1", async () => {
    const { body } = await get("/openapi.json");
    expect(body.openapi).toBe("3.1.0");
    const { valid, errors } = await new Validator().validate(body);
    expect(errors).toBeUndefined();
    expect(valid).toBe(true);
  });

  it("names every route of /v1 and /admin, with a summary, a scheme and its errors", async () => {
    const { body } = await get("/openapi.json");
    const operations = Object.entries(body.paths).flatMap(([path, methods]) =>
      Object.entries(methods as Record<string, Operation>).map(([method, operation]) => ({
        name: `${method.toUpperCase()} ${path}`,
        operation,
      })),
    );
    expect(operations.map(({ name }) => name).sort()).toMatchSnapshot();
    for (const { name, operation } of operations) {
      expect(operation.summary, name).toBeTruthy();
      expect(operation.security, name).toEqual([{ bearer: [] }, { apiKey: [] }]);
      expect(Object.keys(operation.responses), name).toContain("4XX");
    }
    expect(Object.keys(body.components.securitySchemes)).toEqual(["bearer", "apiKey"]);
  });

  it("says what is refused: unknown fields, too many texts", async () => {
    const { body } = await get("/openapi.json");
    const { ClassifyRequest, FineTuningJobCreate } = body.components.schemas;
    expect(ClassifyRequest.additionalProperties).toBe(false);
    expect(FineTuningJobCreate.additionalProperties).toBe(false);
    expect(JSON.stringify(ClassifyRequest)).toContain('"maxItems":2048');
  });
});

describe("the reference page", () => {
  it("loads nothing from another address", async () => {
    const page = await get("/docs");
    expect(page.headers.get("content-type")).toMatch(/^text\/html/);
    expect(page.headers.get("content-security-policy")).toContain("default-src 'self'");
    const links = [...page.text.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, link]) => link as string);
    expect(links.length).toBeGreaterThan(3);
    for (const link of links) {
      expect(link).toMatch(/^\/docs\//);
      const asset = await get(link);
      expect(asset.status, link).toBe(200);
      expect(asset.text.length, link).toBeGreaterThan(50);
    }
  });

  it("serves its own assets alone", async () => {
    for (const path of [
      "/docs/package.json",
      "/docs/..%2fpackage.json",
      "/docs/%2e%2e/index.js",
      "/docs/__proto__",
    ]) {
      expect((await get(path)).status, path).toBe(404);
    }
  });
});
