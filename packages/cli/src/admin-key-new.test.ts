import { createHash } from "node:crypto";
import { expect, it } from "vitest";
import { callCli } from "./testing.ts";

it("makes a key and the hash of its secret part, another each time", async () => {
  const made = async () =>
    JSON.parse((await callCli(["admin", "key", "new", "--json"])).stdout) as Record<string, string>;
  const { adminKey = "", sha256 } = await made();
  const [, secret = ""] = /^kt_platform\.[0-9a-z]{26}_([\w-]{43})$/.exec(adminKey) ?? [];
  expect(createHash("sha256").update(secret).digest("hex")).toBe(sha256);
  expect((await made()).adminKey).not.toBe(adminKey);
});

it("says where the hash goes", async () => {
  const { exitCode, stdout } = await callCli(["admin", "key", "new"]);
  expect(exitCode).toBe(0);
  expect(stdout).toMatch(/npx sst secret set AdminKeyHash [0-9a-f]{64} --stage STAGE/);
});
