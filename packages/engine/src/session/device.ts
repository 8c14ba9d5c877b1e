import { env, InferenceSession, listSupportedBackends, Tensor } from "onnxruntime-node";
import { EngineError } from "../error.ts";
import { GraphBuilder } from "../ir/builder.ts";
import { encodeOnnx } from "../onnx/encode.ts";
import { float32 } from "../tensor.ts";
import { keepTelemetryOff } from "./telemetry.ts";

/** Where a session's graph runs. */
export type Device = "cpu" | "cuda";

export interface ChosenDevice {
  readonly device: Device;
  /** Why it isn't the other one; undefined where it was asked for. */
  readonly because: string | undefined;
}

/**
 * The device that sessions are to have. `auto` takes CUDA where it computes: its libraries are there, a card answers, and a
 * small product comes out right; else the CPU.
 *
 * @throws EngineError `device_unavailable` where CUDA was asked for and doesn't compute
 */
export async function chooseDevice(wanted: Device | "auto"): Promise<ChosenDevice> {
  if (wanted === "cpu") return { device: "cpu", because: undefined };
  const fault = await cudaFault();
  if (fault === undefined) return { device: "cuda", because: wanted === "auto" ? "it computes" : undefined };
  if (wanted === "auto") return { device: "cpu", because: `CUDA can't be used: ${fault}` };
  throw new EngineError(
    "device_unavailable",
    `expected a card that CUDA computes on: ${fault}`,
    "Use the image with CUDA on a machine with an NVIDIA card, or the device auto or cpu.",
    { kind: "machine" },
  );
}

/** undefined where CUDA gives what the CPU gives. */
async function cudaFault(): Promise<string | undefined> {
  if (!listSupportedBackends().some(({ name }) => name === "cuda")) return "ONNX Runtime has none here";
  keepTelemetryOff();
  // ONNX Runtime itself would print to stderr what it throws as well.
  env.logLevel = "fatal";
  try {
    const session = await InferenceSession.create(encodeOnnx(probe()), {
      executionProviders: ["cuda"],
      logSeverityLevel: 4,
    });
    try {
      const { y } = await session.run({ x: new Tensor("float32", Float32Array.of(1, -2), [1, 2]) });
      const seen = [...((y as Tensor).data as Float32Array)];
      return seen.join() === "-5,-6" ? undefined : `x W is ${seen.join(", ")}, not -5, -6`;
    } finally {
      await session.release();
    }
  } catch (error) {
    return firstLine(error instanceof Error ? error.message : String(error));
  }
}

/** x [1, 2] times (1 2; 3 4): in integers, so that it is exact on every card. */
function probe() {
  const b = new GraphBuilder("probe");
  const W = b.constant(float32([1, 2, 3, 4], [2, 2]), "W");
  b.output(b.op("MatMul", [b.input("x", "float32", [1, 2]), W]), "y");
  return b.build();
}

function firstLine(text: string): string {
  return (text.split("\n")[0] as string).slice(0, 200);
}
