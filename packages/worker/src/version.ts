/**
 * Of the code that made a prompt; part of its receipt and of every checkpoint's key. Equals the package's version, which rises
 * where numbers change. Not the commit: most of them change no number, and each would give the same job other bytes, and leave
 * the checkpoints of jobs under way aside whenever a server is renewed.
 */
export const CODE_VERSION = "0.1.0";
