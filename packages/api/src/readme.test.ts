import { once } from "node:events";
import { readFileSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { expect, it, vi } from "vitest";
import { listen } from "./readme.example.ts";
import { MINILM, openTestApi } from "./testing.ts";

it("the README's example is a file, and serves", async () => {
  const [readme, example] = ["../README.md", "./readme.example.ts"].map((file) =>
    readFileSync(new URL(file, import.meta.url), "utf8"),
  );
  expect(readme).toContain(`\`\`\`ts\n${example}\`\`\`\n`);

  await using api = await openTestApi();
  const log = vi.spyOn(console, "log").mockImplementation(() => {});
  const server = listen(api.service, api.model, [MINILM], 0);
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const answer = await fetch(`http://127.0.0.1:${port}/healthz`);
  expect(await answer.json()).toEqual({ status: "ok" });
  expect(log.mock.lastCall?.[0]).toContain('"route":"/healthz"');
  server.close();
  log.mockRestore();
});
