import { KilotuneError } from "@kilotune/contract";
import { type AnswerTask, type AnswerTaskResult, type Compute, runTask } from "@kilotune/worker";
import { readEnvironment } from "../environment.ts";
import { openLayer } from "../open-layer.ts";
import { makeScratch } from "../scratch.ts";
import { openService } from "../service.ts";
import { stateHandler } from "../states.ts";

const environment = readEnvironment(process.env, ["stateMachineArn", "batchMachineArn", "backbone"]);

/** Opened while Lambda starts this process. A layer that is missing ends the state that needs it, with its words in the log. */
const opened = openLayer(environment.backboneDir, environment.backbone);
await opened.catch(() => {});

const compute: Compute = {
  async answer(task: AnswerTask, hooks): Promise<AnswerTaskResult> {
    const backbone = await opened;
    if (task.backbone !== backbone.manifest.id) throw anotherBackbone(task.backbone, backbone.manifest.id);
    return (await runTask(task, backbone, hooks)) as AnswerTaskResult;
  },
  tune: ofContainer,
  measure: ofContainer,
};

async function ofContainer(): Promise<never> {
  throw new Error("tuning is the container's");
}

export const handler = stateHandler("Evaluate", {
  service: openService(environment),
  scratch: makeScratch(),
  compute,
});

function anotherBackbone(wanted: string, seen: string): KilotuneError {
  return new KilotuneError(
    "model_not_found",
    `The job's model is ${wanted}, which this stage doesn't have; this function has ${seen}.`,
    "Deploy the stage with that backbone's layer, or start the job anew with a model that it has.",
  );
}
