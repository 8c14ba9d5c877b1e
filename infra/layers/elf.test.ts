import { expect, it } from "vitest";
import { elfMachine } from "./elf.ts";
import { elfHead, MACHINE } from "./testing.ts";

it("tells the processors of Lambda apart, and names others by their number", () => {
  expect(elfMachine(elfHead(MACHINE.x64))).toBe("x64");
  expect(elfMachine(elfHead(MACHINE.arm64))).toBe("arm64");
  expect(elfMachine(elfHead(3))).toBe("machine 3"); // 386
});

it("takes neither 32-bit nor big-endian libraries for Lambda's", () => {
  const x32 = elfHead(MACHINE.x64);
  x32[4] = 1;
  expect(elfMachine(x32)).toBe("machine 62");
  const big = elfHead(0);
  big[5] = 2;
  big.writeUInt16BE(MACHINE.arm64, 18);
  expect(elfMachine(big)).toBe("machine 183");
});

it("knows what isn't ELF", () => {
  expect(elfMachine(Buffer.from("MZ this is a DLL, 64 bytes or not"))).toBeUndefined();
  expect(elfMachine(elfHead(MACHINE.x64).subarray(0, 19))).toBeUndefined();
  expect(elfMachine(Buffer.alloc(0))).toBeUndefined();
});
