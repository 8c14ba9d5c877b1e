import { describe, expect, it } from "vitest";
import {
  ClassifyRequest,
  ERROR_STATUS,
  FileName,
  JobCreate,
  JobListQuery,
  KeyCreate,
  metadataFilter,
  PageQuery,
  TenantCreate,
} from "./index.ts";

const job = { model: "minilm-l6", training_file: "file-x" };
const texts = { model: "m", input: "x" };

describe("the wire", () => {
  it.each([
    ["a job of defaults", JobCreate, job],
    ["nulls, as the Python client sends them", JobCreate, { ...job, suffix: null, seed: null, method: null }],
    ["a task of images", JobCreate, { ...job, task: "detection" }],
    ["OpenAI's own method", JobCreate, { ...job, method: { type: "supervised" } }],
    ["no integrations", JobCreate, { ...job, integrations: [] }],
    ["2,048 texts", ClassifyRequest, { ...texts, input: Array.from({ length: 2048 }, () => "x") }],
    ["words in all scripts", TenantCreate, { name: "東京 & Größe 💥" }],
    ["numbers of a query, which are text", PageQuery, { limit: "20" }],
    ["a filter by metadata", JobListQuery, { limit: "5", "metadata[team]": "red" }],
    ["a file's name with dots", FileName, "..train.v2.jsonl"],
  ])("takes %s", (_, schema, value) => {
    expect(schema.safeParse(value).error).toBeUndefined();
  });

  it.each([
    ["a misspelt hyperparameter", JobCreate, { ...job, hyperparameters: { n_epoch: 1 } }],
    ["a task by its verb", JobCreate, { ...job, task: "detect" }],
    ["a misspelt field", ClassifyRequest, { ...texts, topk: 1 }],
    ["half a surrogate pair", ClassifyRequest, { ...texts, input: "a\udc00" }],
    ["a text of blanks", ClassifyRequest, { ...texts, input: ["a", "\u3000 "] }],
    ["a text too long", ClassifyRequest, { ...texts, input: "x".repeat(100_001) }],
    ["2,049 texts", ClassifyRequest, { ...texts, input: Array.from({ length: 2049 }, () => "x") }],
    ["a line break in a name", TenantCreate, { name: "a\nb" }],
    ["a separator that terminals break at", TenantCreate, { name: "a\u2028b" }],
    ["a scope of the platform's", KeyCreate, { scopes: ["admin"] }],
    ["a misspelt query", PageQuery, { limt: "3" }],
    ["a filter that isn't one", JobListQuery, { metadata: "red" }],
    ["a number that overflows", PageQuery, { limit: "1e309" }],
    ["a path for a name", FileName, "a/b"],
    [
      "17 pairs",
      JobCreate,
      { ...job, metadata: Object.fromEntries(Array.from({ length: 17 }, (_, at) => [`${at}`, ""])) },
    ],
  ])("refuses %s", (_, schema, value) => {
    expect(schema.safeParse(value).success).toBe(false);
  });

  it("reads a query's pairs, `__proto__` among them", () => {
    const filter = metadataFilter(JSON.parse('{"metadata[a]":"1","limit":3,"metadata[__proto__]":"2"}'));
    expect(Object.entries(filter)).toEqual([
      ["a", "1"],
      ["__proto__", "2"],
    ]);
  });

  it("has a status of HTTP for each code", () => {
    for (const [code, status] of Object.entries(ERROR_STATUS)) {
      expect(code).toMatch(/^[a-z_]+$/);
      expect(status).toBeGreaterThanOrEqual(400);
      expect(status).toBeLessThan(600);
    }
  });
});
