import { readFileSync } from "node:fs";
import { type Device, runtimeVersion } from "@kilotune/engine/node";

/** What decides how sums are rounded, besides the graph: other kernels add in another order. */
interface EngineFacts {
  /** Name and version. */
  readonly runtime: string;
  readonly platform: string;
  /** The widest instructions that ONNX Runtime chooses kernels by; undefined where the system doesn't tell. */
  readonly instructions?: string;
  readonly device?: "cuda";
}

export function engineFacts(device: Device = "cpu"): EngineFacts {
  const found = instructions();
  return {
    runtime: runtimeVersion(),
    platform: `${process.platform}-${process.arch}`,
    ...(found === undefined ? {} : { instructions: found }),
    ...(device === "cpu" ? {} : { device }),
  };
}

function instructions(): string | undefined {
  if (process.platform !== "linux") return undefined;
  let text: string;
  try {
    text = readFileSync("/proc/cpuinfo", "utf8");
  } catch {
    return undefined;
  }
  const [, flags = ""] = /^(?:flags|Features)\s*:(.*)$/m.exec(text) ?? [];
  const has = new Set(flags.split(/\s+/));
  return WIDEST_FIRST.find((flag) => has.has(flag));
}

/** As Linux names them, of x64 and of arm64. */
const WIDEST_FIRST = ["avx512f", "avx2", "avx", "sve", "asimd"];
