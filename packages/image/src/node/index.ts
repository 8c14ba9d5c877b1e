export { createSharpCodec } from "./sharp-codec.ts";
