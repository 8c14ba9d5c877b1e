export { type BackboneFacts, type BaseModel, openBaseModel } from "./base-model.ts";
export { type Imported, type ImportOptions, importPrompt } from "./import.ts";
export { exportPeft } from "./peft-export.ts";
export type { ExchangeErrorCode } from "./refuse.ts";
