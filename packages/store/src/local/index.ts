export { type LocalStore, openLocalStore } from "./open-local-store.ts";
