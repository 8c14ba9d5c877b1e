export { type AwsStore, openAwsStore } from "./open-aws-store.ts";
