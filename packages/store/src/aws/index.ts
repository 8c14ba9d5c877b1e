export { asStoreError } from "./aws-error.ts";
export { type AwsStore, openAwsStore } from "./open-aws-store.ts";
export { type AwsClients, type ClientsOf, tenantClients } from "./tenant-clients.ts";
export { type ExecutionInput, stepFunctionsWorkflow } from "./workflow.ts";
