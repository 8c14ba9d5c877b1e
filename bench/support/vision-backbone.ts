import { access, mkdir, rename, rm } from "node:fs/promises";
import path from "node:path";
import {
  hubUrl,
  type ImageSize,
  loadVisionBackbone,
  pullBackbone,
  type VisionBackbone,
} from "@kilotune/backbone";
import { runPeer } from "../peer.ts";
import { THREADS } from "./backbone.ts";
import { say } from "./bench.ts";
import { CACHE, REPOSITORY } from "./places.ts";

export async function openSaliency(imageSize?: ImageSize): Promise<VisionBackbone> {
  return loadVisionBackbone("vit-s14-saliency", { ...options(), ...(imageSize && { imageSize }) });
}

/** A checkpoint's folder as a vision backbone. */
export async function openVision(folder: string, imageSize?: ImageSize): Promise<VisionBackbone> {
  return loadVisionBackbone(folder, { ...options(), ...(imageSize && { imageSize }) });
}

/** The exported graph as it was published. */
export async function saliencyFile(): Promise<string> {
  return path.join(await pullBackbone("vit-s14-saliency", options()), "vit_s_focus.onnx");
}

/** The same weights as a checkpoint of transformers, for the Python peers; made once. */
export async function saliencyCheckpoint(): Promise<string> {
  const folder = path.join(CACHE, "python", "vit-s14-saliency");
  const stands = await access(path.join(folder, "model.safetensors")).then(
    () => true,
    () => false,
  );
  if (stands) return folder;
  const temporary = `${folder}.${process.pid}.tmp`;
  await mkdir(temporary, { recursive: true });
  await runPeer(path.join(REPOSITORY, "bench/peers/dinov2_of_onnx.py"), [await saliencyFile(), temporary]);
  await rm(folder, { recursive: true, force: true });
  await rename(temporary, folder);
  return folder;
}

function options() {
  return {
    cache: CACHE,
    hub: hubUrl(process.env),
    threads: THREADS,
    onBuild: (bundle: string) => say(`building ${bundle}`),
  };
}
