import { readTensor, sizeOf, type Tensor } from "@kilotune/engine";
import { type Entry, openPromise, type ZipFile } from "yauzl";
import { MAX_PICKLE_BYTES, type Pickled, PickledTensor, readPickle, type StorageType } from "./pickle.ts";
import { list, printable, quote, refuse } from "./refuse.ts";
import { MAX_NUMBERS, type TensorFile } from "./tensor-file.ts";

/**
 * Opens what torch.save wrote since 1.6: a zip of `NAME/data.pkl` and a file `NAME/data/KEY` for each storage, all
 * stored as they are. Nothing in it is executed (see pickle.ts), nothing is unpacked, and a compressed entry, which could
 * be a bomb, is refused.
 * @throws KilotuneError `bad_torch_file`, `unsafe_pickle`; the file system's errors
 */
export async function openTorchFile(path: string): Promise<TensorFile> {
  const zip = await openPromise(path, { autoClose: false }).catch((cause: Error) => {
    if ("code" in cause) throw cause;
    throw damaged("a zip, as torch.save writes it since 1.6", cause.message, cause);
  });
  try {
    const entries = await entriesOf(zip);
    const pickles = [...entries.keys()].filter((name) => /^[^/]+\/data\.pkl$/.test(name));
    const [pickle] = pickles;
    if (pickle === undefined || pickles.length > 1)
      throw damaged("one data.pkl in the zip", list(pickles.length > 0 ? pickles : [...entries.keys()]));
    const root = pickle.slice(0, pickle.indexOf("/"));
    await refuseBigEndian(zip, entries.get(`${root}/byteorder`));
    const tensors = tensorsOf(readPickle(await bytesOf(zip, entries.get(pickle)!, MAX_PICKLE_BYTES)));
    return {
      path,
      shapes: new Map([...tensors].map(([name, { dims }]) => [name, dims])),
      isBare: tensors.has(BARE) && tensors.size === 1,
      async read(name) {
        const tensor = tensors.get(name)!;
        const { key, dtype, length } = tensor.storage;
        const entry = entries.get(`${root}/data/${key}`);
        if (entry === undefined) throw damaged(`a storage ${key}`, "none");
        const sizeBytes = length * BYTES[dtype];
        if (entry.uncompressedSize !== sizeBytes)
          throw damaged(`a storage of ${sizeBytes} bytes`, `${entry.uncompressedSize}`);
        assertInside(tensor, name);
        return gather(tensor, name, await bytesOf(zip, entry, sizeBytes));
      },
      [Symbol.asyncDispose]: async () => zip.close(),
    };
  } catch (error) {
    zip.close();
    throw error;
  }
}

/** What a tensor without a name is called. */
const BARE = "tensor";

/** A checkpoint of a thousand tensors has as many. */
const MAX_ENTRIES = 20_000;

const BYTES: Record<StorageType, number> = {
  float32: 4,
  float64: 8,
  float16: 2,
  bfloat16: 2,
  int64: 8,
  int32: 4,
  int8: 1,
  uint8: 1,
  bool: 1,
};

async function entriesOf(zip: ZipFile): Promise<Map<string, Entry>> {
  const entries = new Map<string, Entry>();
  if (zip.entryCount > MAX_ENTRIES) throw damaged(`at most ${MAX_ENTRIES} entries`, `${zip.entryCount}`);
  try {
    for await (const entry of zip.eachEntry()) {
      if (entries.has(entry.fileName)) throw damaged("every name once", `${quote(entry.fileName)} twice`);
      entries.set(entry.fileName, entry);
    }
  } catch (cause) {
    throw cause instanceof Error && !("hint" in cause) ? damaged("a sound zip", cause.message, cause) : cause;
  }
  return entries;
}

async function bytesOf(zip: ZipFile, entry: Entry, maxBytes: number): Promise<Uint8Array> {
  const { fileName, uncompressedSize, compressionMethod } = entry;
  if (compressionMethod !== 0)
    throw damaged(`${quote(fileName)} stored as it is, as torch does`, `compression ${compressionMethod}`);
  if (uncompressedSize > maxBytes)
    throw damaged(`${quote(fileName)} of at most ${maxBytes} bytes`, `${uncompressedSize}`);
  try {
    const bytes = new Uint8Array(uncompressedSize);
    let at = 0;
    for await (const chunk of await zip.openReadStreamPromise(entry)) {
      bytes.set(chunk as Buffer, at);
      at += (chunk as Buffer).length;
    }
    return bytes;
  } catch (cause) {
    throw damaged(`${quote(fileName)} whole`, cause instanceof Error ? cause.message : "damage", cause);
  }
}

async function refuseBigEndian(zip: ZipFile, entry: Entry | undefined): Promise<void> {
  if (entry === undefined) return;
  const order = new TextDecoder().decode(await bytesOf(zip, entry, 100));
  if (order !== "little") throw damaged("little-endian numbers", quote(order));
}

/** A tensor, or a dict of tensors. */
function tensorsOf(value: Pickled): ReadonlyMap<string, PickledTensor> {
  if (value instanceof PickledTensor) return new Map([[BARE, value]]);
  if (!(value instanceof Map)) throw damaged("a tensor or a dict of tensors", "another value");
  const others = [...value].filter(([, item]) => !(item instanceof PickledTensor)).map(([key]) => key);
  if (others.length > 0) throw damaged("a dict of tensors alone", `other values at ${list(others)}`);
  return value as ReadonlyMap<string, PickledTensor>;
}

function assertInside({ storage, offset, dims, strides }: PickledTensor, name: string): void {
  const last = dims.reduce((at, dim, axis) => at + (dim - 1) * (strides[axis] ?? NaN), offset);
  const fits = dims.includes(0) || (last < storage.length && dims.length === strides.length);
  if (fits && sizeOf(dims) <= MAX_NUMBERS) return;
  throw damaged(`tensor ${quote(name)} within its storage of ${storage.length} numbers`, `up to ${last}`);
}

/** Its numbers in row-major order, whatever the strides. */
function gather({ storage, offset, dims, strides }: PickledTensor, name: string, bytes: Uint8Array): Tensor {
  const { dtype, length } = storage;
  const all = readTensor(name, { dtype, dims: [length], offset: 0, length: bytes.length }, bytes);
  const count = sizeOf(dims);
  const step = dims.map((_, axis) => sizeOf(dims.slice(axis + 1)));
  const isPlain = step.every((size, axis) => strides[axis] === size || dims[axis] === 1);
  if (isPlain) return { ...all, dims, data: all.data.subarray(offset, offset + count) };
  const SameArray = all.data.constructor as new (length: number) => Tensor["data"];
  const gathered = new SameArray(count);
  for (let at = 0; at < count; at++) {
    let from = offset;
    for (let axis = 0; axis < dims.length; axis++)
      from += (Math.floor(at / step[axis]!) % dims[axis]!) * strides[axis]!;
    gathered[at] = all.data[from]!;
  }
  return { ...all, dims, data: gathered };
}

function damaged(expected: string, seen: string, cause?: unknown) {
  return refuse(
    "bad_torch_file",
    expected,
    printable(seen),
    "Save it again with a current torch, or as safetensors; files of torch before 1.6 aren't read.",
    cause,
  );
}
