import { type Entry, fromRandomAccessReaderPromise, type ZipFile as YauzlFile } from "yauzl";
import { CheckedReader, type ZipFile } from "./checked-reader.ts";
import { inflated } from "./inflate.ts";
import { damaged, shown, told, tooLarge, unsafe } from "./zip-error.ts";

export interface ZipLimits {
  /** Files and folders. 50,000. */
  readonly maxMembers: number;
  /** Of all members unpacked, as they claim it, which is held to as they are read. 2 GiB. */
  readonly maxBytes: number;
}

export const DEFAULT_ZIP_LIMITS: ZipLimits = { maxMembers: 50_000, maxBytes: 2 * 2 ** 30 };

/** A zip from outside, read where it lies: nothing is unpacked to a disk. */
export interface Zip {
  /** Of its files, with `/` between folders; neither folders nor what macOS adds. */
  readonly names: readonly string[];
  has(name: string): boolean;
  /** Unpacked. */
  sizeOf(name: string): number;
  /**
   * A file that is in it, in pieces of some KB.
   * @throws KilotuneError `zip_damaged` where it is more, less or other than it claims; the file system's errors
   */
  chunks(name: string): AsyncGenerator<Uint8Array, void>;
  /** The whole of it. @throws as `chunks`; KilotuneError `zip_too_large` before a byte is read */
  read(name: string, maxBytes: number): Promise<Uint8Array>;
}

/**
 * Reads the list of members and refuses the whole zip for any that is unsafe: a name that leaves the folder, a name that
 * is there twice, a link, a password, a compression but deflate, more bytes than allowed.
 *
 * @throws KilotuneError `zip_damaged`, `zip_unsafe`, `zip_too_large`; the file system's errors
 */
export async function openZip(
  file: ZipFile,
  sizeBytes: number,
  limits: ZipLimits = DEFAULT_ZIP_LIMITS,
): Promise<Zip> {
  const reader = new CheckedReader(file, sizeBytes, told);
  const zip = await reader.orFailure(fromRandomAccessReaderPromise(reader, sizeBytes, { autoClose: false }));
  const members = await reader.orFailure(membersOf(zip, limits));

  async function* packed(entry: Entry): AsyncGenerator<Uint8Array, void> {
    const header = zip.readLocalFileHeaderPromise(entry, { minimal: true });
    const { fileDataStart } = await reader.orFailure(header);
    const end = fileDataStart + entry.compressedSize;
    if (end > sizeBytes) throw damaged(`${shown(entry.fileName)} cut off`);
    for (let at = fileDataStart; at < end; ) {
      const piece = new Uint8Array(Math.min(PIECE_BYTES, end - at));
      const { bytesRead } = await file.read(piece, 0, piece.length, at);
      if (bytesRead === 0) throw damaged("a file that ends early");
      yield piece.subarray(0, bytesRead);
      at += bytesRead;
    }
  }

  async function* chunks(name: string): AsyncGenerator<Uint8Array, void> {
    const entry = members.get(name);
    if (entry === undefined) throw new Error(`no member ${name}: ask has()`);
    const said = entry.uncompressedSize;
    let seen = 0;
    for await (const piece of entry.compressionMethod === 0 ? packed(entry) : inflated(packed(entry))) {
      seen += piece.length;
      if (seen > said) break;
      yield piece;
    }
    if (seen !== said) throw damaged(`${shown(name)} of other than the ${said} bytes that it claims`);
  }

  return {
    names: [...members.keys()],
    has: (name) => members.has(name),
    sizeOf: (name) => members.get(name)?.uncompressedSize ?? 0,
    chunks,
    async read(name, maxBytes) {
      const size = members.get(name)?.uncompressedSize ?? 0;
      if (size > maxBytes) throw tooLarge(`a file of at most ${maxBytes} bytes`, `${size}`);
      const whole = new Uint8Array(size);
      let at = 0;
      for await (const piece of chunks(name)) {
        whole.set(piece, at);
        at += piece.length;
      }
      return whole;
    },
  };
}

async function membersOf(zip: YauzlFile, limits: ZipLimits): Promise<Map<string, Entry>> {
  if (zip.entryCount > limits.maxMembers)
    throw tooLarge(`a zip of at most ${limits.maxMembers} members`, `${zip.entryCount}`);
  const members = new Map<string, Entry>();
  let bytes = 0;
  // yauzl refuses names with `..`, drives and leading slashes, and takes `\` for `/`.
  for await (const entry of zip.eachEntry()) {
    const name = entry.fileName.normalize("NFC").replaceAll(/(?<=^|\/)(?:\.\/)+/g, "");
    refuseUnsafe(entry, name);
    if (name.endsWith("/") || isOfMacOs(name)) continue;
    if (members.has(name)) throw unsafe("every name once", `"${shown(name)}" twice`);
    bytes += entry.uncompressedSize;
    if (bytes > limits.maxBytes)
      throw tooLarge(`a zip of at most ${limits.maxBytes} bytes unpacked`, "one that claims more");
    members.set(name, entry);
  }
  return members;
}

function refuseUnsafe(entry: Entry, name: string): void {
  if (/\0|^\s*$|(?:^|\/)\.\.?$/.test(name)) throw unsafe("names of files", `"${shown(name)}"`);
  if (entry.isEncrypted()) throw unsafe("files without a password", `"${shown(name)}" with one`);
  const { compressionMethod: method, versionMadeBy, externalFileAttributes } = entry;
  if (method !== 0 && method !== DEFLATE)
    throw unsafe("files stored or deflated", `"${shown(name)}" by method ${method}`);
  // Unix's mode: 0 where the packer has none.
  const kind = versionMadeBy >>> 8 === UNIX ? (externalFileAttributes >>> 16) & KIND : 0;
  if (kind !== 0 && kind !== REGULAR && kind !== FOLDER)
    throw unsafe("files and folders", `"${shown(name)}", which is a link or a device`);
}

/** Finder's zips have a second tree of what it remembers of each file. */
function isOfMacOs(name: string): boolean {
  return name.startsWith("__MACOSX/") || name.endsWith(".DS_Store");
}

const DEFLATE = 8;
const UNIX = 3;
const KIND = 0o170000;
const REGULAR = 0o100000;
const FOLDER = 0o040000;
const PIECE_BYTES = 256 * 1024;
