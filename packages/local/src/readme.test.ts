import { readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { expect, it } from "vitest";
import { serveMinilm } from "./readme.example.ts";

it("the README's example is a file, and serves", async () => {
  const [readme, example] = ["../README.md", "./readme.example.ts"].map((file) =>
    readFileSync(new URL(file, import.meta.url), "utf8"),
  );
  expect(readme).toContain(`\`\`\`ts\n${example}\`\`\`\n`);

  const folder = await mkdtemp(path.join(os.tmpdir(), "kilotune-readme-"));
  const first = await serveMinilm(folder);
  expect(first.adminKey).toMatch(/^kt_platform\./);
  const headers = { authorization: `Bearer ${first.adminKey}` };
  const answer = await fetch(`${first.url}/admin/backbones`, { headers });
  expect(await answer.json()).toMatchObject({
    data: [{ id: "minilm-l6", licence: "Apache-2.0", hidden_size: 384 }],
  });
  await first.close();
  const second = await serveMinilm(folder);
  expect(second.adminKey).toBeUndefined();
  await second.close();
  await rm(folder, { recursive: true });
});
