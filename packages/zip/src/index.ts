export { DEFAULT_ZIP_LIMITS, openZip, type Zip, type ZipLimits } from "./open-zip.ts";
export type { ZipFile } from "./checked-reader.ts";
