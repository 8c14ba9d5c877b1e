export { newFirstAdminKey } from "@kilotune/service";
export { addTenant, allTenants, rotateAdminKey } from "./admin.ts";
export type { LocalBackbone } from "./local-backbone.ts";
export { type LocalOptions, type LocalServer, startLocal } from "./start-local.ts";
