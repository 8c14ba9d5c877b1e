import { readEnvironment } from "../environment.ts";
import { batchHandler } from "../batch.ts";
import { invokeInference } from "../invoke-inference.ts";
import { openService } from "../service.ts";

const environment = readEnvironment(process.env, [
  "stateMachineArn",
  "batchMachineArn",
  "inferFunctions",
  "backbones",
]);

export const handler = batchHandler({
  service: openService(environment),
  inference: invokeInference(environment),
});
