import { stat } from "node:fs/promises";
import {
  bundleFolder,
  cacheFolder,
  KNOWN_BACKBONES,
  UNVERIFIED_BACKBONES,
  verifyBackbone,
} from "@kilotune/backbone";
import { defineCommand } from "../command.ts";
import { table } from "../terminal/table.ts";
import { bytes } from "../terminal/units.ts";

export const backboneList = defineCommand({
  summary: "The backbones known by name, and which of them are here",
  positionals: {},
  flags: {},
  examples: [
    { line: "kilotune backbone list", purpose: "where KILOTUNE_CACHE says, else ~/.cache/kilotune" },
  ],
  async run(_, terminal) {
    const cache = cacheFolder(terminal.io.environment);
    const backbones = await Promise.all(
      KNOWN_BACKBONES.map(async ({ id, title, licence, files }) => ({
        id,
        title,
        licence,
        sizeBytes: files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
        fetched: (await verifyBackbone(id, { cache })).complete,
        built: await exists(bundleFolder(cache, id)),
      })),
    );
    terminal.result({ backbones, unverified: UNVERIFIED_BACKBONES }, () =>
      [
        ...table(
          backbones.map(({ id, title, licence, sizeBytes, fetched, built }) => [
            id,
            fetched || built ? "here" : "not fetched",
            bytes(sizeBytes),
            licence,
            title,
          ]),
        ),
        "",
        "Of known families, but of hashes that aren't known here: download them yourself and give their folder.",
        ...table(
          UNVERIFIED_BACKBONES.map(({ repository, family, licence, title }) => [
            repository,
            family,
            licence,
            title,
          ]),
        ),
      ].join("\n"),
    );
    return 0;
  },
});

function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
