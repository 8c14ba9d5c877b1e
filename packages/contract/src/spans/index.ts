export {
  beginSpan,
  currentPlace,
  inSpan,
  type Place,
  type SpanAttributes,
  type SpanOptions,
  TracedSpan,
} from "./in-span.ts";
