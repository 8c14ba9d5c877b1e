export { type AwsStore, openAwsStore } from "./open-aws-store.ts";
export { tenantClients } from "./tenant-clients.ts";
export { stepFunctionsWorkflow } from "./workflow.ts";
