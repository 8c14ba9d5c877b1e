import type { BackboneLayer } from "./artifacts.ts";
import { bucket } from "./bucket.ts";
import { built, named } from "./here.ts";

/** Of all functions: arm64 costs a fifth less than x64. */
export const ARCHITECTURE = "arm64";

/** What a function that holds a backbone runs on: layers beside its zip, or one image where they would be too large. */
export type Ground =
  | { readonly kind: "layers"; readonly arns: $util.Output<string>[] }
  | { readonly kind: "image"; readonly uri: string };

const backbones = built.backbones();

/** What functions are told of the backbones, that don't have them at hand. */
export const BACKBONES = {
  KILOTUNE_BACKBONES: JSON.stringify(backbones.map(({ backbone }) => backbone)),
};

/** By the backbone's id. */
export const grounds: ReadonlyMap<string, Ground> = groundsOf();

function groundsOf(): ReadonlyMap<string, Ground> {
  const needRuntime = backbones.some(({ kind }) => kind === "layer");
  const runtime = needRuntime ? publish(`onnxruntime-${ARCHITECTURE}`) : undefined;
  const needSharp = backbones.some(({ kind, backbone }) => kind === "layer" && readsImages(backbone));
  const sharp = needSharp ? publish(`sharp-${ARCHITECTURE}`) : undefined;
  const groundOf = ({ name, kind, backbone }: BackboneLayer): Ground => {
    if (kind === "image" || runtime === undefined)
      return { kind: "image", uri: built.imageByDigest(name.replace("backbone-", "infer-")) };
    const decoder = readsImages(backbone) && sharp !== undefined ? [sharp] : [];
    return { kind: "layers", arns: [runtime, ...decoder, publish(name)] };
  };
  return new Map(backbones.map((layer) => [layer.backbone.id, groundOf(layer)]));
}

function readsImages({ input }: BackboneLayer["backbone"]): boolean {
  return input === "image";
}

/** A new version only where the content is new. By way of the bucket: a call to Lambda takes 50 MB. */
function publish(name: string): $util.Output<string> {
  const { path, sha256, contentSha256, about } = built.layerZip(name, ARCHITECTURE);
  const object = new aws.s3.BucketObjectv2(`Zip-${name}`, {
    bucket: bucket.name,
    key: `layers/${name}-${contentSha256}.zip`,
    source: new $util.asset.FileAsset(path),
    sourceHash: sha256,
  });
  return new aws.lambda.LayerVersion(`Layer-${name}`, {
    layerName: named(name),
    s3Bucket: bucket.name,
    s3Key: object.key,
    sourceCodeHash: sha256,
    compatibleArchitectures: [lambdaWord(ARCHITECTURE)],
    compatibleRuntimes: ["nodejs24.x"],
    // At most 256 letters.
    description: `content ${contentSha256}; ${about}`.slice(0, 256),
    // A function that is rolled back still finds the version it was made with.
    skipDestroy: true,
  }).arn;
}

export function lambdaWord(architecture: "arm64" | "x64"): "arm64" | "x86_64" {
  return architecture === "x64" ? "x86_64" : architecture;
}
