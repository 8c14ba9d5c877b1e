import { cp, mkdtemp, rm, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { expect, it } from "vitest";
import { loadBackbone } from "./load.ts";
import { tinyBackbone, tinyTokenizer } from "./testing.ts";

it("a folder of the same weights with another name or another tokenizer is another backbone", async () => {
  await using tiny = await tinyBackbone({ words: ["late", "card"] });
  const cache = await mkdtemp(path.join(os.tmpdir(), "kilotune-load-"));
  try {
    const load = (folder: string) => loadBackbone(folder, { cache, hub: "http://127.0.0.1:9", threads: 1 });
    const idsOf = async (folder: string) => (await load(folder)).tokenizer.encode("card late").ids;
    const first = await idsOf(tiny.checkpoint);
    const other = path.join(cache, "other");
    await cp(tiny.checkpoint, other, { recursive: true });
    expect((await load(other)).manifest.id).toBe("other");
    await writeFile(path.join(other, "tokenizer.json"), JSON.stringify(tinyTokenizer(["card", "late"])));
    expect(await idsOf(other)).not.toEqual(first);
    expect((await load(tiny.checkpoint)).manifest.id).toBe("tiny");
    expect(await idsOf(tiny.checkpoint)).toEqual(first);
  } finally {
    await rm(cache, { recursive: true });
  }
});
