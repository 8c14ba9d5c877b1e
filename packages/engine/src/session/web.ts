import { InferenceSession, Tensor } from "onnxruntime-web";
import { openFailed, wrapOrtSession } from "./ort.ts";
import type { Session } from "./session.ts";

/**
 * A session of onnxruntime-web (WASM) on the bytes of an .onnx file and of the files that it names. A WASM session
 * takes one run at a time, so runs are queued.
 */
export async function openWebSession(
  model: Uint8Array,
  files: ReadonlyMap<string, Uint8Array> = new Map(),
): Promise<Session> {
  const session = await InferenceSession.create(model, {
    executionProviders: ["wasm"],
    externalData: [...files].map(([path, data]) => ({ path, data })),
    logSeverityLevel: 4,
  }).catch((error: unknown) => {
    throw openFailed(`a model of ${model.length} bytes`, error);
  });
  const inner = wrapOrtSession(session, Tensor);
  let last: Promise<unknown> = Promise.resolve();
  return {
    ...inner,
    run(feeds, outputs) {
      const result = last.then(() => inner.run(feeds, outputs));
      last = result.catch(() => {});
      return result;
    },
    release: () => last.then(() => inner.release()),
  };
}
