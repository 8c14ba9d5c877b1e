import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import { cacheFolder } from "@kilotune/backbone";
import { expect, it } from "vitest";
import { OPENAI_PYTHON } from "../setup/openai-python.ts";
import { installedPython } from "../setup/python-tool.ts";
import { newTenant, served } from "./served.ts";

const python = await installedPython(cacheFolder(process.env), OPENAI_PYTHON);
const program = path.join(import.meta.dirname, "first_tenant.py");
const desk = path.resolve(import.meta.dirname, "../../examples/support-desk");

it.skipIf(python === undefined)(
  "a tenant's developer does the same walk in Python",
  async () => {
    const folder = await mkdtemp(path.join(os.tmpdir(), "kilotune-python-"));
    // Not the lowest priority: other tests run beside this one.
    const server = await served(path.join(folder, "data"), "--tune-nice", "0");
    try {
      const key = await newTenant(server, server.adminKey ?? "", "Snakes");
      const all = (await readFile(path.join(desk, "train.jsonl"), "utf8")).trim().split("\n");
      const byLabel = Map.groupBy(all, (row) => JSON.parse(row).label as string);
      const some = [...byLabel.values()].slice(0, 5).flatMap((each) => each.slice(0, 8));
      const { stdout } = await promisify(execFile)(python as string, [
        program,
        server.url,
        key,
        some.join("\n"),
      ]);
      const seen = JSON.parse(stdout);
      expect(seen).toMatchObject({
        status: "succeeded",
        model: expect.stringMatching(/^ft:minilm-l6:[a-z]{16}:snake:[a-z]{8}$/),
        answer: { object: "list", model: seen.model, usage: { prompt_tokens: expect.any(Number) } },
        dimensions: 384,
        content: true,
        deleted: true,
        missing: true,
        files: 0,
      });
      expect(seen.length).toBeCloseTo(1, 5);
      expect(seen.models).toEqual(expect.arrayContaining(["minilm-l6", seen.model]));
      expect(seen.events[0]).toMatch(/^Created the fine-tuning job/);
      expect(seen.events.at(-1)).toContain(seen.model);
      expect(seen.event_ids).toBe(seen.events.length);
      expect([...byLabel.keys()]).toContain(seen.answer.data[0].label);
      expect(seen.answer.data[1]).toEqual({ ...seen.answer.data[0], index: 1 });
    } finally {
      await server.kill();
      await rm(folder, { recursive: true, force: true });
    }
  },
  120_000,
);
