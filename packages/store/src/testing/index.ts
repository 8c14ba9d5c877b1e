export { makeTableAndBucket } from "./table-and-bucket.ts";
