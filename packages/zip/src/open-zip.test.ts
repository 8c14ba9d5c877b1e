import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ZipFile } from "yazl";
import { openZip, type ZipLimits } from "./open-zip.ts";

const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);

describe("a zip", () => {
  it("gives its files, packed and stored, by name, without folders and what macOS adds", async () => {
    const bytes = await zipOf({
      "a/b.txt": "deflated ".repeat(1000),
      "c.txt": { content: "as it is", compress: false },
      "caf\u0065\u0301.txt": "decomposed",
      "a/": "",
      "__MACOSX/a/._b.txt": "resource fork",
      "a/.DS_Store": "view",
    });
    const zip = await open(bytes);
    expect(zip.names).toEqual(["a/b.txt", "c.txt", "caf\u00e9.txt"]);
    expect(text(await zip.read("a/b.txt", 1e6))).toBe("deflated ".repeat(1000));
    expect(text(await zip.read("c.txt", 8))).toBe("as it is");
    expect([zip.has("toString"), zip.sizeOf("c.txt")]).toEqual([false, 8]);
    await expect(zip.read("a/b.txt", 8999)).rejects.toMatchObject({ code: "zip_too_large" });
  });

  it.each([
    ["a name that climbs out", rename("../x.txt")],
    ["a name from the root", rename("/etc/xx")],
    ["a name with a drive", rename("C:/x.tx")],
    ["a name that climbs by backslashes", rename("..\\x.tx")],
    ["a name with NUL", rename("x.txt\0\0")],
    ["a folder for a name", rename("a/b/c/.")],
    ["a name that is there twice", rename("yyy.txt", "xxx.txt")],
    ["a symbolic link", (bytes: Buffer) => attributes(bytes, 0o120777)],
    ["a device", (bytes: Buffer) => attributes(bytes, 0o060666)],
    ["a password", (bytes: Buffer) => atCentral(bytes, 8, 1)],
    ["another compression", (bytes: Buffer) => atCentral(bytes, 10, 14)],
  ])("with %s is refused as a whole", async (_, change) => {
    const bytes = await zipOf({ "xxx.txt": "one", "yyy.txt": "two" });
    change(bytes);
    await expect(open(bytes)).rejects.toMatchObject({
      kind: "input",
      code: expect.stringMatching(/^zip_(unsafe|damaged)$/),
    });
  });

  it("of more members or bytes than allowed is refused before a byte is unpacked", async () => {
    const bytes = await zipOf({ a: "x".repeat(1e6), b: "y".repeat(1e6) });
    const tooMuch = { code: "zip_too_large", kind: "input" };
    await expect(open(bytes, { maxMembers: 1, maxBytes: 1e9 })).rejects.toMatchObject(tooMuch);
    await expect(open(bytes, { maxMembers: 9, maxBytes: 1.5e6 })).rejects.toMatchObject(tooMuch);
  });

  it("that claims less than it holds gives no byte more than that (a bomb), nor less", async () => {
    for (const claimed of [10, 2e6]) {
      const bytes = await zipOf({ a: "\0".repeat(1e6) });
      const zip = await open(atCentral(bytes, 24, claimed));
      await expect(zip.read("a", 1e7)).rejects.toMatchObject({ code: "zip_damaged" });
      let seen = 0;
      const reading = (async () => {
        for await (const piece of zip.chunks("a")) seen += piece.length;
      })();
      await expect(reading).rejects.toMatchObject({ code: "zip_damaged" });
      expect(seen).toBeLessThanOrEqual(claimed);
    }
  });

  it("whose zip64 record lies about where things are is refused, and nothing throws elsewhere", async () => {
    for (const offset of [2n ** 61n, 2n ** 63n, 2n ** 64n - 1n, 2n ** 40n]) {
      const bytes = await zipOf({ a: "x" }, { forceZip64Format: true });
      const end = bytes.indexOf(Buffer.from([0x50, 0x4b, 6, 6]));
      const locator = bytes.indexOf(Buffer.from([0x50, 0x4b, 6, 7]));
      for (const at of [locator + 8, end + 48, end + 32]) {
        const bent = Buffer.from(bytes);
        bent.writeBigUInt64LE(offset, at);
        await expect(open(bent)).rejects.toMatchObject({ kind: "input" });
      }
    }
  });

  it("cut anywhere or with bytes changed is read or refused, never a fault of ours", async () => {
    const bytes = await zipOf({
      "a/b.txt": "deflated ".repeat(50),
      c: { content: "stored", compress: false },
    });
    await fc.assert(
      fc.asyncProperty(
        fc.nat(bytes.length),
        fc.array(fc.tuple(fc.nat(bytes.length - 1), fc.nat(255)), { maxLength: 4 }),
        async (length, changes) => {
          const bent = Buffer.from(bytes);
          for (const [at, value] of changes) bent[at] = value;
          try {
            const zip = await open(changes.length > 0 ? bent : bent.subarray(0, length));
            for (const name of zip.names) await zip.read(name, 1e6);
          } catch (error) {
            expect(error).toMatchObject({ kind: "input", code: expect.stringMatching(/^zip_/) });
          }
        },
      ),
      { numRuns: 300 },
    );
  });
});

function open(bytes: Buffer, limits?: ZipLimits) {
  const file = {
    async read(buffer: Uint8Array, offset: number, length: number, position: number) {
      const piece = bytes.subarray(position, position + length);
      buffer.set(piece, offset);
      return { bytesRead: piece.length };
    },
  };
  return openZip(file, bytes.length, limits);
}

type Content = string | { readonly content: string; readonly compress: boolean };

async function zipOf(files: Readonly<Record<string, Content>>, end: object = {}): Promise<Buffer> {
  const zip = new ZipFile();
  for (const [name, given] of Object.entries(files)) {
    const { content, compress } = typeof given === "string" ? { content: given, compress: true } : given;
    if (name.endsWith("/")) zip.addEmptyDirectory(name);
    else zip.addBuffer(Buffer.from(content), name, { compress });
  }
  zip.end(end as Parameters<ZipFile["end"]>[0]);
  const parts: Buffer[] = [];
  for await (const part of zip.outputStream) parts.push(part as Buffer);
  return Buffer.concat(parts);
}

/** Another name of the same length, wherever the old one stands. */
function rename(to: string, from = "xxx.txt") {
  return (bytes: Buffer): Buffer => {
    const old = Buffer.from(from);
    const name = Buffer.alloc(old.length, " ");
    name.write(to);
    for (let at = bytes.indexOf(old); at >= 0; at = bytes.indexOf(old, at + 1)) name.copy(bytes, at);
    return bytes;
  };
}

function attributes(bytes: Buffer, mode: number): Buffer {
  const at = bytes.indexOf(CENTRAL);
  bytes.writeUInt16LE(0x031e, at + 4);
  bytes.writeUInt32LE((mode << 16) >>> 0, at + 38);
  return bytes;
}

/** A number of the first member's central header. */
function atCentral(bytes: Buffer, offset: number, value: number): Buffer {
  const at = bytes.indexOf(CENTRAL);
  if (offset === 24) bytes.writeUInt32LE(value, at + offset);
  else bytes.writeUInt16LE(value, at + offset);
  return bytes;
}

const CENTRAL = Buffer.from([0x50, 0x4b, 1, 2]);
