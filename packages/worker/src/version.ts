/** Of the code that made a prompt; part of its receipt and of every checkpoint's key. Equals the package's version. */
export const CODE_VERSION = "0.1.0";
