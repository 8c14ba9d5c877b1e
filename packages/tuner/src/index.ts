export { embed } from "./embed.ts";
export { HiddenStore } from "./data/hidden-store.ts";
export { classMeans } from "./head/class-means.ts";
export { promptFeed, promptSite } from "./prompt-site.ts";
export type { TunedMethod, TuneSettings } from "./settings.ts";
export { startTuning, tune, type TuneState } from "./tune.ts";
