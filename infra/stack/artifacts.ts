import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import type { Layer, Layers } from "../layers/record.ts";

export interface Zip {
  readonly path: string;
  /** Base64, as Lambda has it. */
  readonly sha256: string;
}

export type BackboneLayer = Layer & { readonly backbone: NonNullable<Layer["backbone"]> };

/** What was built to be deployed, of which each throws an Error that says how to make it where it's missing or another. */
export interface Artifacts {
  /** A function's zip: the bytes that were tested. */
  functionZip(name: string): Zip;
  /** At least one. */
  backbones(): readonly BackboneLayer[];
  layerZip(name: string, architecture: Layer["architectures"][number]): Layer & Zip;
  /** A container image: a tag may come to mean another one between a test and a job. */
  imageByDigest(name: string): string;
}

/** @param folder of `npm run package`, `npm run layer -- build` and `npm run image -- push`: out/aws */
export function artifactsIn(folder: string): Artifacts {
  const found = (file: string, command: string) => {
    const at = path.resolve(folder, file);
    if (existsSync(at)) return at;
    throw new Error(`Expected ${at}, there is none. Make it with \`${command}\`.`);
  };

  const layers = (): readonly Layer[] => {
    const file = found("layers/layers.json", BUILD_LAYERS);
    const { format, layers } = JSON.parse(readFileSync(file, "utf8")) as Layers;
    if (format === "kilotune.layers/1") return layers;
    throw new Error(
      `${file}: expected the format kilotune.layers/1, saw ${JSON.stringify(format)}. Build anew: \`${BUILD_LAYERS}\`.`,
    );
  };

  return {
    functionZip(name) {
      const at = found(`functions/${name}.zip`, "npm run package");
      return { path: at, sha256: createHash("sha256").update(readFileSync(at)).digest("base64") };
    },

    backbones() {
      const backbones = layers().filter((layer): layer is BackboneLayer => layer.backbone !== undefined);
      if (backbones.length > 0) return backbones;
      throw new Error(`Expected a backbone in layers.json, there is none. Build it: \`${BUILD_LAYERS}\`.`);
    },

    layerZip(name, architecture) {
      const layer = layers().find((each) => each.name === name);
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
    },

    imageByDigest(name) {
      const file = found("images.json", PUSH_IMAGES);
      const { images } = JSON.parse(readFileSync(file, "utf8")) as { images?: Record<string, unknown> };
      const image = images?.[name];
      if (typeof image === "string" && /^[^@\s]+@sha256:[0-9a-f]{64}$/.test(image)) return image;
      throw new Error(
        `${file}: expected ${name} as <repository>@sha256:<digest>, saw ${JSON.stringify(image) ?? "nothing"}. Make it with \`${PUSH_IMAGES}\`.`,
      );
    },
  };
}

const BUILD_LAYERS = "npm run layer -- build";
const PUSH_IMAGES = "npm run image -- push";
