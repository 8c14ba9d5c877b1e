import { mkdir, writeFile } from "node:fs/promises";
import path from "node:path";
import type { Architecture } from "./elf.ts";

/** The first 64 bytes of a 64-bit little-endian ELF file for a processor, by e_machine. */
export function elfHead(machine: number): Buffer {
  const head = Buffer.alloc(64);
  head.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
  head.writeUInt16LE(3, 16); // ET_DYN: a shared library
  head.writeUInt16LE(machine, 18);
  return head;
}

export const MACHINE: Readonly<Record<Architecture, number>> = { x64: 62, arm64: 183 };

/**
 * A folder that looks like the npm package onnxruntime-node, with libraries of a few bytes.
 *
 * @param machines e_machine of the libraries in each architecture's folder
 */
export async function pretendOnnxRuntime(
  folder: string,
  { machines = MACHINE, version }: { machines?: Readonly<Record<Architecture, number>>; version: string },
): Promise<string> {
  const write = async (name: string, bytes: string | Buffer) => {
    await mkdir(path.dirname(path.join(folder, name)), { recursive: true });
    await writeFile(path.join(folder, name), bytes);
  };
  await write("package.json", JSON.stringify({ name: "onnxruntime-node", version, main: "dist/index.js" }));
  await write("dist/index.js", "module.exports = {};\n");
  await write("dist/index.d.ts", "export {};\n");
  await write("script/install.js", "// fetches CUDA\n");
  for (const [architecture, machine] of Object.entries(machines)) {
    const bin = `bin/napi-v6/linux/${architecture}`;
    await write(`${bin}/onnxruntime_binding.node`, elfHead(machine));
    await write(`${bin}/libonnxruntime.so.1`, Buffer.concat([elfHead(machine), Buffer.from(architecture)]));
    await write(`${bin}/libonnxruntime_providers_cuda.so`, elfHead(machine));
  }
  await write("bin/napi-v6/win32/x64/onnxruntime.dll", "MZ");
  return folder;
}
