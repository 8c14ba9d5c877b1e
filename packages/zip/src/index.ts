export { DEFAULT_ZIP_LIMITS, openZip, type Zip, type ZipLimits } from "./open-zip.ts";
export { CheckedReader, type ZipFile } from "./checked-reader.ts";
