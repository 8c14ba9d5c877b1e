import { readEnvironment } from "../environment.ts";
import { makeScratch } from "../scratch.ts";
import { openService } from "../service.ts";
import { stateHandler } from "../states.ts";

export const handler = stateHandler("Validate", {
  service: openService(readEnvironment(process.env, ["stateMachineArn", "batchMachineArn"])),
  scratch: makeScratch(),
});
