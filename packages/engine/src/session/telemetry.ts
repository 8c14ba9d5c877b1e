/**
 * From 1.30 on ONNX Runtime tells Microsoft of each session, and keeps an id of the machine, unless it is told not to before
 * the first one.
 */
export function keepTelemetryOff(): void {
  process.env.ORT_DISABLE_TELEMETRY ??= "1";
}
