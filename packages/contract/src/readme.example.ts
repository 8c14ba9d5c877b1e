import { isCodedError, KilotuneError, parseId } from "@kilotune/contract";
import { ERROR_STATUS, JobCreate } from "@kilotune/contract/wire";

const error = new KilotuneError("not_found", "There is no such file.", "List what there is.");
export const known = isCodedError(error) && ERROR_STATUS.not_found; // 404
export const id = parseId("file", "../x"); // undefined
export const job = JobCreate.safeParse({
  model: "minilm-l6",
  training_file: "file-x",
  hyperparameters: { n_epoch: 3 }, // It is n_epochs: refused.
});
