import { readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import type { TenantId } from "@kilotune/contract";
import { openLocalStore } from "@kilotune/store/local";
import { expect, it } from "vitest";
import { finishJob } from "./readme.example.ts";

it("the README's example is a file, and finishes a job once", async () => {
  const [readme, example] = ["../README.md", "./readme.example.ts"].map((file) =>
    readFileSync(new URL(file, import.meta.url), "utf8"),
  );
  expect(readme).toContain(`\`\`\`ts\n${example}\`\`\`\n`);

  const folder = await mkdtemp(path.join(os.tmpdir(), "kilotune-readme-"));
  const tenant = "tn-acme" as TenantId;
  expect(await finishJob(folder, tenant, "ftjob-1")).toBeUndefined();
  {
    await using store = await openLocalStore(folder);
    const key = { kind: "job", id: "ftjob-1" };
    await store.records.write(tenant, [{ put: key, value: { status: "running" }, expect: "absent" }]);
  }
  expect(await finishJob(folder, tenant, "ftjob-1")).toEqual({ jobs: 1 });
  await expect(finishJob(folder, tenant, "ftjob-1")).rejects.toMatchObject({ name: "StaleWriteError" });
  await rm(folder, { recursive: true });
});
