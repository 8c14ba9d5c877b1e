import { findBackbone, pullBackbone } from "@kilotune/backbone";
import { defineCommand } from "../command.ts";
import { bytes } from "../terminal/units.ts";
import { pullSettings } from "../with-backbone.ts";

export const backbonePull = defineCommand({
  summary: "Fetch a backbone and check its SHA-256; what is here already costs no network",
  details:
    "KILOTUNE_CACHE says where it goes, KILOTUNE_HUB which mirror it comes from. Ctrl-C leaves what came so far, and the next call goes on from it.",
  positionals: { id: { value: "ID", count: "one", about: "See kilotune backbone list" } },
  flags: {},
  examples: [{ line: "kilotune backbone pull minilm-l6", purpose: "some 90 MB, once" }],
  async run({ id }, terminal) {
    const { files } = findBackbone(id);
    const sizeBytes = files.reduce((sum, file) => sum + file.sizeBytes, 0);
    const folder = await pullBackbone(id, pullSettings(terminal, terminal.io.takeInterrupt()));
    terminal.result(
      { id, folder, sizeBytes },
      () => `${id} is in ${folder}: ${bytes(sizeBytes)}, every SHA-256 right`,
    );
    return 0;
  },
});
