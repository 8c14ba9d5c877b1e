import type { VisionSettings } from "@kilotune/tuner";
import type { ImageJob } from "../job.ts";

/** Settings that need no tuning by the user. What the user gave goes first. */
export function chooseImageSettings(job: ImageJob, trainRows: number): VisionSettings {
  const { layers, hasClassToken } = job.backbone.manifest.config;
  const { method, seed } = job;
  return {
    method,
    tokens: job.tokens ?? 8,
    firstLayer: method === "soft" ? 0 : (job.firstLayer ?? Math.floor(layers / 2)),
    feature: hasClassToken ? "cls" : "mean",
    epochs: job.epochs === "auto" ? (trainRows > 1000 ? 10 : 20) : job.epochs,
    batchSize: 32,
    promptLearningRate: 1e-2,
    headLearningRate: 3e-3,
    temperature: 0.08,
    dropout: 0.1,
    warmup: 0.1,
    clipNorm: 1,
    copies: 0,
    seed,
    ...job.settings,
  };
}
