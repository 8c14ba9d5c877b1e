import { spawnSync } from "node:child_process";
import { mkdir, readdir } from "node:fs/promises";
import path from "node:path";
import { expect, it } from "vitest";
import { tinyBackbone } from "../testing.ts";
import { openBundle } from "./open.ts";

it("opens graphs that a read-only folder lacks, as in a Lambda layer", async ({ skip }) => {
  await using tiny = await tinyBackbone({ words: ["parcel", "card"] });
  const readOnly = path.join(tiny.bundle, "..", "read-only");
  await mkdir(readOnly);
  const mount = (...args: string[]) => spawnSync("mount", args).status === 0;
  if (!mount("--bind", tiny.bundle, readOnly)) skip("this user can't mount a folder");
  try {
    if (!mount("-o", "remount,bind,ro", readOnly)) skip("this user can't mount a folder read-only");
    const before = await readdir(readOnly);
    const backbone = await openBundle(readOnly, { threads: 1 });
    const session = await backbone?.open({ kind: "upper", site: { kind: "soft" } });
    expect(session?.inputNames).toContain("soft");
    await session?.release();
    expect(await readdir(readOnly)).toEqual(before);

    const there = await tiny.backbone.open({ kind: "upper", site: { kind: "soft" } });
    expect(await readdir(tiny.bundle)).toContain("upper-soft.onnx");
    await there.release();
  } finally {
    spawnSync("umount", ["--lazy", readOnly]);
  }
});
