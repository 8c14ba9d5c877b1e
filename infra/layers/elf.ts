/** What Lambda calls the processors; `uname` and Node call them x64 and arm64. */
export type Architecture = "x64" | "arm64";

/**
 * The processor that a native library is made for, by its ELF header; undefined where the bytes aren't ELF. Source: the
 * System V ABI, chapter 4: magic, class (byte 4), byte order (byte 5), e_machine (bytes 18 and 19).
 *
 * @param head the file's first 20 bytes or more
 */
export function elfMachine(head: Uint8Array): Architecture | `machine ${number}` | undefined {
  if (head.length < 20 || !MAGIC.every((byte, at) => head[at] === byte)) return undefined;
  const isLittleEndian = head[5] === 1;
  const machine = new DataView(head.buffer, head.byteOffset, head.length).getUint16(18, isLittleEndian);
  const is64Bit = head[4] === 2;
  return (is64Bit && isLittleEndian && MACHINES.get(machine)) || `machine ${machine}`;
}

const MAGIC = [0x7f, 0x45, 0x4c, 0x46];

const MACHINES: ReadonlyMap<number, Architecture> = new Map([
  [62, "x64"],
  [183, "arm64"],
]);
