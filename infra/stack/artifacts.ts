import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import type { Layer, Layers } from "../layers/record.ts";

/** What was built to be deployed: `npm run package`, `npm run layer -- build`, and the container's build. */
const FOLDER = path.resolve(process.env.KILOTUNE_ARTIFACTS || "out/aws");
const BUILD_LAYERS = "npm run layer -- build";
const BUILD_IMAGES = "npm run image -- push";

export interface Zip {
  readonly path: string;
  /** Base64, as Lambda has it. */
  readonly sha256: string;
}

/** A function's zip: the bytes that were tested. */
export function functionZip(name: string): Zip {
  const at = found(`functions/${name}.zip`, "npm run package");
  return { path: at, sha256: createHash("sha256").update(readFileSync(at)).digest("base64") };
}

export type BackboneLayer = Layer & { readonly backbone: NonNullable<Layer["backbone"]> };

/** @throws where none was built */
export function builtBackbones(): readonly BackboneLayer[] {
  const layers = builtLayers().filter((layer): layer is BackboneLayer => layer.backbone !== undefined);
  if (layers.length > 0) return layers;
  throw new Error(`Expected a backbone in layers.json, there is none. Build it: \`${BUILD_LAYERS}\`.`);
}

/** Layers as `npm run layer` wrote them down. */
function builtLayers(): readonly Layer[] {
  const file = found("layers/layers.json", BUILD_LAYERS);
  const { format, layers } = JSON.parse(readFileSync(file, "utf8")) as Layers;
  if (format === "kilotune.layers/1") return layers;
  throw new Error(
    `${file}: expected the format kilotune.layers/1, saw ${JSON.stringify(format)}. Build anew: \`${BUILD_LAYERS}\`.`,
  );
}

/** @throws where there is none of that name, or not for this processor */
export function layerZip(name: string, architecture: Layer["architectures"][number]): Layer & Zip {
  const layer = builtLayers().find((each) => each.name === name);
  if (layer?.kind !== "layer")
    throw new Error(
      `Expected the layer ${name} in layers.json, there is none. Build it: \`${BUILD_LAYERS}\`.`,
    );
  if (!layer.architectures.includes(architecture))
    throw new Error(
      `The layer ${name}: expected one for ${architecture}, saw ${layer.architectures.join(", ")}. Build it: \`${BUILD_LAYERS}\`.`,
    );
  const at = found(`layers/${name}.zip`, BUILD_LAYERS);
  const seen = createHash("sha256").update(readFileSync(at)).digest("hex");
  if (seen !== layer.zipSha256)
    throw new Error(`${at} isn't what layers.json says. Build it again: \`${BUILD_LAYERS}\`.`);
  return { ...layer, path: at, sha256: Buffer.from(seen, "hex").toString("base64") };
}

/** A container image by its digest: a tag may come to mean another one between a test and a job. */
export function imageByDigest(name: string): string {
  const file = found("images.json", BUILD_IMAGES);
  const { images } = JSON.parse(readFileSync(file, "utf8")) as { images?: Record<string, unknown> };
  const image = images?.[name];
  if (typeof image === "string" && /^[^@\s]+@sha256:[0-9a-f]{64}$/.test(image)) return image;
  throw new Error(
    `${file}: expected ${name} as <repository>@sha256:<digest>, saw ${JSON.stringify(image) ?? "nothing"}. Make it with \`${BUILD_IMAGES}\`.`,
  );
}

function found(file: string, command: string): string {
  const at = path.join(FOLDER, file);
  if (existsSync(at)) return at;
  throw new Error(
    `Expected ${at}, there is none. Make it with \`${command}\`; kilotune doctor lists all that is missing.`,
  );
}
