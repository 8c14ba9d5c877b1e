import { cacheFolder, verifyBackbone } from "@kilotune/backbone";
import { defineCommand } from "../command.ts";
import { table } from "../terminal/table.ts";
import { bytes } from "../terminal/units.ts";

export const backboneVerify = defineCommand({
  summary: "Read every byte of a fetched backbone and compare its SHA-256",
  details: "Exit code 1 where a file is missing or wrong.",
  positionals: { id: { value: "ID", count: "one", about: "See kilotune backbone list" } },
  flags: {},
  examples: [{ line: "kilotune backbone verify minilm-l6", purpose: "after a disk failure, say" }],
  async run({ id }, terminal) {
    const cache = cacheFolder(terminal.io.environment);
    const { folder, complete, files } = await verifyBackbone(id, { cache, full: true });
    const checks = files.map(({ file, path, state }) => ({
      name: file.name,
      path,
      sizeBytes: file.sizeBytes,
      sha256: file.sha256,
      state,
    }));
    terminal.result({ id, folder, complete, files: checks }, () =>
      [
        ...table(checks.map(({ state, name, sizeBytes }) => [state, name, bytes(sizeBytes)])),
        complete
          ? `${id} in ${folder} is complete.`
          : `${id} in ${folder} isn't complete: kilotune backbone pull ${id}`,
      ].join("\n"),
    );
    return complete ? 0 : 1;
  },
});
