import path from "node:path";
import type { Context } from "aws-lambda";
import { readEnvironment } from "../environment.ts";
import { inferring } from "../infer.ts";
import { refusalOf } from "../infer-wire.ts";
import { logFault, logLine, observed } from "../observe.ts";
import { openLayer } from "../open-layer.ts";
import { PromptFiles } from "../prompt-files.ts";
import { SCRATCH } from "../scratch.ts";
import { openService } from "../service.ts";

/**
 * Answers texts from one session of one backbone, opened while Lambda starts this process: that time costs nobody a wait
 * where some instances are kept ready. What hinders the start is told to every caller, and written down once.
 */
const answer = await start().catch((error: unknown) => {
  logFault(error);
  return async () => refusalOf(error);
});

export const handler = (event: unknown, _: Context) => observed("infer", () => answer(event));

async function start() {
  const importedMs = performance.now();
  const environment = readEnvironment(process.env, ["backbone"]);
  const backbone = await openLayer(environment.backboneDir, environment.backbone);
  const openedMs = performance.now();
  const answer = await inferring({
    service: openService(environment),
    backbone,
    files: new PromptFiles(path.join(SCRATCH, "prompts"), FILE_BYTES),
    cacheBytes: CACHE_BYTES,
  });
  logLine("started", {
    backbone: environment.backbone,
    // Since the process was made; what `openLayer` took is ONNX Runtime's loading and the tokenizer's.
    importedMs,
    openLayerMs: openedMs - importedMs,
    sessionMs: performance.now() - openedMs,
  });
  return answer;
}

/** Of 512 MB: what is written to it is little, and may be of many tenants. */
const FILE_BYTES = 256e6;
/** Beside a session of some hundred MB, in a function of 1,769 MB. */
const CACHE_BYTES = 256e6;
