import { readFile, rename, writeFile } from "node:fs/promises";
import path from "node:path";
import { KilotuneError } from "@kilotune/contract";
import { BackboneObject } from "@kilotune/contract/wire";
import { z } from "zod";

/** `layers.json`: what was built, for who publishes and deploys it. Sizes are bytes, hashes SHA-256 in hex. */
export type Layers = z.infer<typeof SCHEMA>;
export type Layer = Layers["layers"][number];
export type BuiltLayer = Extract<Layer, { kind: "layer" }>;

export const RECORD_FILE = "layers.json";

const sha256 = z.string().regex(/^[0-9a-f]{64}$/);
const bytes = z.int().nonnegative();
/** As Lambda's layer names are, and no path. */
const name = z.string().regex(/^[a-z0-9][a-z0-9-]{0,60}$/);
const common = {
  name,
  /** Of paths and bytes: the same one is the same layer, however it was packed. */
  contentSha256: sha256,
  unzippedBytes: bytes,
  architectures: z.array(z.enum(["x64", "arm64"])).min(1),
  about: z.string().max(200),
  /** Of a backbone: what functions are told of it that don't have it themselves. */
  backbone: BackboneObject.extend({
    created: z.int().nonnegative(),
    layers: z.int().positive(),
    /** Absent: the checkpoint's own numbers. */
    precision: z.literal("int8").optional(),
  }).optional(),
};

const SCHEMA = z.object({
  format: z.literal("kilotune.layers/1"),
  layers: z.array(
    z.discriminatedUnion("kind", [
      /** `<name>.zip` beside this file. */
      z.object({ kind: z.literal("layer"), ...common, zipSha256: sha256, zipBytes: bytes }),
      /** Too large for a layer: `<name>/` beside this file holds what an image copies to /opt. */
      z.object({ kind: z.literal("image"), ...common }),
    ]),
  ),
});

/**
 * What was built last into this folder; nothing where there was nothing.
 *
 * @throws KilotuneError `bad_layers_json`
 */
export async function readRecord(folder: string): Promise<Layers> {
  const file = path.join(folder, RECORD_FILE);
  let text: string;
  try {
    text = await readFile(file, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT")
      return { format: "kilotune.layers/1", layers: [] };
    throw error;
  }
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    json = undefined;
  }
  const { data, error } = SCHEMA.safeParse(json);
  if (data !== undefined) return data;
  throw new KilotuneError(
    "bad_layers_json",
    `expected what \`npm run layer -- build\` wrote in ${file}: ${error?.issues[0]?.path.join(".") || "it"} is wrong`,
    "Remove the folder and build again.",
  );
}

/** @throws KilotuneError `no_layers`, `bad_layers_json` */
export async function readLayers(folder: string): Promise<readonly Layer[]> {
  const { layers } = await readRecord(folder);
  if (layers.length > 0) return layers;
  throw new KilotuneError(
    "no_layers",
    `expected layers in ${path.join(folder, RECORD_FILE)}, saw none`,
    "Build them with `npm run layer -- build`.",
  );
}

export async function writeRecord(folder: string, layers: readonly Layer[]): Promise<void> {
  const file = path.join(folder, RECORD_FILE);
  const sorted = layers.toSorted((a, b) => (a.name < b.name ? -1 : 1));
  const temporary = `${file}.${process.pid}.tmp`;
  await writeFile(temporary, `${JSON.stringify({ format: "kilotune.layers/1", layers: sorted }, null, 2)}\n`);
  await rename(temporary, file);
}
