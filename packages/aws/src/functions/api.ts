import { apiApp } from "../api.ts";
import { readEnvironment } from "../environment.ts";
import { bufferedHandler, streamingHandler } from "../http/handlers.ts";
import { invokeInference } from "../invoke-inference.ts";
import { makeScratch } from "../scratch.ts";
import { openService } from "../service.ts";

const environment = readEnvironment(process.env, [
  "stateMachineArn",
  "batchMachineArn",
  "inferFunctions",
  "backbones",
]);

const app = apiApp({
  service: openService(environment),
  inference: invokeInference(environment),
  backbones: environment.backbones,
  scratch: makeScratch(),
  adminKeyHash: environment.adminKeyHash,
});

/** Behind a Function URL with `RESPONSE_STREAM`. */
export const handler = streamingHandler(app);

/** Behind API Gateway, or a Function URL with `BUFFERED`. */
export const buffered = bufferedHandler(app);
