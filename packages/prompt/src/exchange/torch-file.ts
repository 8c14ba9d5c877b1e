import { readTensor, sizeOf, type Tensor } from "@kilotune/engine";
import { MAX_PICKLE_BYTES, type Pickled, PickledTensor, readPickle, type StorageType } from "./pickle.ts";
import { list, quote } from "./refuse.ts";
import { damaged, openStoredZip, type StoredZip } from "./stored-zip.ts";
import { MAX_NUMBERS, type TensorFile } from "./tensor-file.ts";

/**
 * Opens what torch.save wrote since 1.6: a zip of `NAME/data.pkl` and a file `NAME/data/KEY` for each storage. Nothing
 * in it is executed: see pickle.ts.
 * @throws KilotuneError `bad_torch_file`, `unsafe_pickle`; the file system's errors
 */
export async function openTorchFile(path: string): Promise<TensorFile> {
  const zip = await openStoredZip(path);
  try {
    const pickles = zip.names.filter((name) => /^[^/]+\/data\.pkl$/.test(name));
    const [pickle] = pickles;
    if (pickle === undefined || pickles.length > 1)
      throw damaged("one data.pkl in the zip", list(pickles.length > 0 ? pickles : zip.names));
    const root = pickle.slice(0, pickle.indexOf("/"));
    await refuseBigEndian(zip, `${root}/byteorder`);
    const tensors = tensorsOf(readPickle(await zip.read(pickle, MAX_PICKLE_BYTES)));
    return {
      path,
      shapes: new Map([...tensors].map(([name, { dims }]) => [name, dims])),
      isBare: tensors.has(BARE) && tensors.size === 1,
      async read(name) {
        const tensor = tensors.get(name)!;
        assertInside(tensor, name);
        const { key, dtype, length } = tensor.storage;
        const member = `${root}/data/${key}`;
        if (!zip.has(member)) throw damaged(`a storage ${key}`, "none");
        const sizeBytes = length * BYTES[dtype];
        if (zip.sizeOf(member) !== sizeBytes)
          throw damaged(`a storage of ${sizeBytes} bytes`, `${zip.sizeOf(member)}`);
        return gather(tensor, name, await zip.read(member, sizeBytes));
      },
      [Symbol.asyncDispose]: () => zip[Symbol.asyncDispose](),
    };
  } catch (error) {
    await zip[Symbol.asyncDispose]();
    throw error;
  }
}

/** What a tensor without a name is called. */
const BARE = "tensor";

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

async function refuseBigEndian(zip: StoredZip, member: string): Promise<void> {
  if (!zip.has(member)) return;
  const order = new TextDecoder().decode(await zip.read(member, 100));
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
