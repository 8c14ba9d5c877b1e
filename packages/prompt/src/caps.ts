/** Caps of the file, applied by writer and reader alike, so that what was written can always be read. */

/** 40,000 classes of 384 numbers in float32; a usual prompt has less than a thousandth of it. */
export const MAX_FILE_BYTES = 64 * 2 ** 20;

/** Of the manifest's JSON in UTF-8: some 40,000 labels of twenty letters. */
export const MAX_MANIFEST_BYTES = 2 ** 20;

/** In the header the manifest is a string of JSON within JSON: at worst every byte gets a backslash. */
export const MAX_HEADER_BYTES = 2 * MAX_MANIFEST_BYTES + 4096;

/** A head on patches has a dozen; with some to spare, so that the names of surplus ones can be told. */
export const MAX_TENSORS = 100;

/** Tokens of a prompt that can be served; more than 32 seldom help. */
export const LONGEST_PROMPT = 128;
