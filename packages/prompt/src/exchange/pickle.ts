import { printable, quote, refuse } from "./refuse.ts";

/**
 * Reads what torch.save pickles, as data: dicts, tuples, strings, numbers and tensors. A pickle is a program for a stack
 * machine that may import and call anything; this machine knows the few names below by heart, imports nothing and calls
 * nothing. The first other name is an error that tells it.
 */
export type Pickled =
  | null
  | boolean
  | number
  | string
  | PickledTensor
  | Storage
  | Global
  | readonly Pickled[]
  | ReadonlyMap<string, Pickled>;

/** Where a tensor's numbers lie in a storage, counted in elements. */
export class PickledTensor {
  readonly storage: Storage;
  readonly offset: number;
  readonly dims: readonly number[];
  readonly strides: readonly number[];

  constructor(storage: Storage, offset: number, dims: readonly number[], strides: readonly number[]) {
    this.storage = storage;
    this.offset = offset;
    this.dims = dims;
    this.strides = strides;
  }
}

/** A run of numbers in a file of its own. */
export class Storage {
  readonly key: string;
  readonly dtype: StorageType;
  readonly length: number;

  constructor(key: string, dtype: StorageType, length: number) {
    this.key = key;
    this.dtype = dtype;
    this.length = length;
  }
}

const STORAGES = {
  "torch.FloatStorage": "float32",
  "torch.DoubleStorage": "float64",
  "torch.HalfStorage": "float16",
  "torch.BFloat16Storage": "bfloat16",
  "torch.LongStorage": "int64",
  "torch.IntStorage": "int32",
  "torch.CharStorage": "int8",
  "torch.ByteStorage": "uint8",
  "torch.BoolStorage": "bool",
} as const;

export type StorageType = (typeof STORAGES)[keyof typeof STORAGES];

/** A name that the pickle may mention; it stands for itself. */
class Global {
  readonly name: string;

  constructor(name: string) {
    this.name = name;
  }
}

const REBUILD_TENSOR = "torch._utils._rebuild_tensor_v2";
const REBUILD_PARAMETER = "torch._utils._rebuild_parameter";
const ORDERED_DICT = "collections.OrderedDict";

const KNOWN_NAMES: ReadonlySet<string> = new Set([
  REBUILD_TENSOR,
  REBUILD_PARAMETER,
  ORDERED_DICT,
  ...Object.keys(STORAGES),
]);

/** A checkpoint of a thousand tensors has some 150 KB. */
export const MAX_PICKLE_BYTES = 2 ** 21;

/** Each makes at most one object. */
const MAX_STEPS = 500_000;

/** @throws KilotuneError `unsafe_pickle`, naming what it asks for; `bad_torch_file` */
export function readPickle(bytes: Uint8Array): Pickled {
  return new Machine(bytes).run();
}

class Machine {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #at = 0;
  #stack: Pickled[] = [];
  /** Stacks that a mark has put aside. */
  readonly #marks: Pickled[][] = [];
  readonly #memo = new Map<number, Pickled>();

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  run(): Pickled {
    for (let step = 0; step < MAX_STEPS; step++) {
      const code = this.#byte();
      if (code === STOP) {
        if (this.#stack.length !== 1 || this.#marks.length > 0) throw damaged("one value", "another stack");
        return this.#pop();
      }
      this.#step(code);
    }
    throw damaged(`at most ${MAX_STEPS} steps`, "more");
  }

  #step(code: number): void {
    const value = this.#made(code);
    if (value === undefined) this.#arrange(code);
    else this.#stack.push(value);
  }

  /** What the operation puts on the stack; undefined for one that does something else. */
  #made(code: number): Pickled | undefined {
    switch (code) {
      case 0x4e: // NONE
        return null;
      case 0x88: // NEWTRUE
        return true;
      case 0x89: // NEWFALSE
        return false;
      case 0x4b: // BININT1
        return this.#byte();
      case 0x4d: // BININT2
        return this.#view.getUint16(this.#take(2), true);
      case 0x4a: // BININT
        return this.#view.getInt32(this.#take(4), true);
      case 0x8a: // LONG1
        return this.#long(this.#byte());
      case 0x47: // BINFLOAT
        return this.#view.getFloat64(this.#take(8), false);
      case 0x58: // BINUNICODE
        return this.#text(this.#view.getUint32(this.#take(4), true));
      case 0x8c: // SHORT_BINUNICODE
        return this.#text(this.#byte());
      case 0x29: // EMPTY_TUPLE
      case 0x5d: // EMPTY_LIST
        return [];
      case 0x85: // TUPLE1
      case 0x86: // TUPLE2
      case 0x87: // TUPLE3
        return this.#popMany(code - 0x84);
      case 0x74: // TUPLE
        return this.#popMark();
      case 0x7d: // EMPTY_DICT
        return new Map();
      case 0x68: // BINGET
        return this.#recall(this.#byte());
      case 0x6a: // LONG_BINGET
        return this.#recall(this.#view.getUint32(this.#take(4), true));
      case 0x63: // GLOBAL
        return known(`${this.#line()}.${this.#line()}`);
      case 0x93: // STACK_GLOBAL
        return known(this.#popMany(2).join("."));
      case 0x52: // REDUCE
        return rebuild(...(this.#popMany(2) as [Pickled, Pickled]));
      case 0x51: // BINPERSID
        return storageOf(this.#pop());
      default:
        return undefined;
    }
  }

  #arrange(code: number): void {
    switch (code) {
      case 0x80: {
        // PROTO
        const protocol = this.#byte();
        if (protocol > 5) throw damaged("a pickle of protocol 5 at most", `${protocol}`);
        break;
      }
      case 0x95: // FRAME: only a hint about lengths
        this.#take(8);
        break;
      case 0x28: // MARK
        this.#marks.push(this.#stack);
        this.#stack = [];
        break;
      case 0x30: // POP
        this.#pop();
        break;
      case 0x61: // APPEND
        this.#append([this.#pop()]);
        break;
      case 0x65: // APPENDS
        this.#append(this.#popMark());
        break;
      case 0x73: // SETITEM
        this.#setItems(this.#popMany(2));
        break;
      case 0x75: // SETITEMS
        this.#setItems(this.#popMark());
        break;
      case 0x71: // BINPUT
        this.#remember(this.#byte());
        break;
      case 0x72: // LONG_BINPUT
        this.#remember(this.#view.getUint32(this.#take(4), true));
        break;
      case 0x94: // MEMOIZE
        this.#remember(this.#memo.size);
        break;
      case 0x62: // BUILD: torch hangs the versions of modules on a state dict, which say nothing of its tensors
        if (this.#pop() instanceof Map && this.#stack.at(-1) instanceof Map) break;
        throw unsafe("BUILD, which sets attributes of an object");
      default:
        throw unsafe(FORBIDDEN.get(code) ?? `the operation 0x${code.toString(16)}`);
    }
  }

  #pop(): Pickled {
    const value = this.#stack.pop();
    if (value === undefined) throw damaged("a value on the stack", "none");
    return value;
  }

  #popMany(count: number): Pickled[] {
    if (this.#stack.length < count) throw damaged(`${count} values on the stack`, `${this.#stack.length}`);
    return this.#stack.splice(-count);
  }

  #popMark(): Pickled[] {
    const items = this.#stack;
    const below = this.#marks.pop();
    if (below === undefined) throw damaged("a mark", "none");
    this.#stack = below;
    return items;
  }

  #append(items: readonly Pickled[]): void {
    const target = this.#stack.at(-1);
    if (!Array.isArray(target)) throw damaged("a list to append to", kindOf(target));
    for (const item of items) target.push(item);
  }

  #setItems(items: readonly Pickled[]): void {
    const target = this.#stack.at(-1);
    if (!(target instanceof Map) || items.length % 2 !== 0) throw damaged("a dict to set", kindOf(target));
    for (let at = 0; at < items.length; at += 2) {
      const key = items[at];
      if (typeof key !== "string") throw damaged("keys that are strings", kindOf(key));
      if (target.has(key)) throw damaged("every key once", `${quote(key)} twice`);
      target.set(key, items[at + 1]);
    }
  }

  #remember(index: number): void {
    const value = this.#stack.at(-1);
    if (value === undefined) throw damaged("a value to remember", "none");
    this.#memo.set(index, value);
  }

  #recall(index: number): Pickled {
    const value = this.#memo.get(index);
    if (value === undefined) throw damaged("a remembered value", `none at ${index}`);
    return value;
  }

  #byte(): number {
    return this.#bytes[this.#take(1)]!;
  }

  /** Where the next bytes are. */
  #take(length: number): number {
    const start = this.#at;
    if (start + length > this.#bytes.length) throw damaged("an end to the pickle", "it cut off");
    this.#at += length;
    return start;
  }

  #text(length: number): string {
    const start = this.#take(length);
    return utf8(this.#bytes.subarray(start, start + length));
  }

  #line(): string {
    const end = this.#bytes.indexOf(0x0a, this.#at);
    if (end < 0 || end - this.#at > 1000) throw damaged("a name", "no end of it");
    const text = utf8(this.#bytes.subarray(this.#at, end));
    this.#at = end + 1;
    return text;
  }

  /** Little-endian, two's complement. */
  #long(length: number): number {
    if (length > 8) throw damaged("numbers of 8 bytes at most", `${length}`);
    const start = this.#take(length);
    let value = 0n;
    for (let at = 0; at < length; at++) value |= BigInt(this.#bytes[start + at]!) << BigInt(8 * at);
    const number = Number(BigInt.asIntN(8 * length, value));
    if (!Number.isSafeInteger(number)) throw damaged("numbers below 2^53", `${number}`);
    return number;
  }
}

const STOP = 0x2e;

/** What imports, calls or reaches out in other ways than torch's own tensors need, for the message. */
const FORBIDDEN: ReadonlyMap<number, string> = new Map([
  [0x69, "INST, which makes an object"],
  [0x6f, "OBJ, which makes an object"],
  [0x81, "NEWOBJ, which makes an object"],
  [0x92, "NEWOBJ_EX, which makes an object"],
  [0x50, "PERSID, an id that is text"],
  [0x82, "EXT1, a name by number"],
  [0x83, "EXT2, a name by number"],
  [0x84, "EXT4, a name by number"],
  [0x97, "NEXT_BUFFER, bytes from outside"],
  [0x98, "READONLY_BUFFER, bytes from outside"],
]);

function known(name: string): Global {
  if (KNOWN_NAMES.has(name)) return new Global(name);
  throw unsafe(`the name ${quote(name)}`);
}

/** What the call that the pickle asks for would give. */
function rebuild(called: Pickled, given: Pickled): Pickled {
  if (!(called instanceof Global) || !Array.isArray(given))
    throw unsafe("a call of something else than a name");
  if (called.name === ORDERED_DICT && given.length === 0) return new Map();
  if (called.name === REBUILD_PARAMETER && given[0] instanceof PickledTensor) return given[0];
  if (called.name === REBUILD_TENSOR) {
    const [storage, offset, dims, strides] = given as readonly Pickled[];
    if (storage instanceof Storage && isNatural(offset) && areNaturals(dims) && areNaturals(strides))
      return new PickledTensor(storage, offset, dims, strides);
  }
  throw unsafe(`a call of ${quote(called.name)} with other values than torch's own`);
}

function storageOf(id: Pickled): Storage {
  if (Array.isArray(id) && id.length === 5) {
    const [word, type, key, , length] = id as readonly Pickled[];
    const dtype = type instanceof Global ? STORAGES[type.name as keyof typeof STORAGES] : undefined;
    const isKey = typeof key === "string" && /^[0-9]{1,9}$/.test(key);
    if (word === "storage" && dtype !== undefined && isKey && isNatural(length))
      return new Storage(key, dtype, length);
  }
  throw unsafe("a reference to something else than a storage of numbers");
}

function isNatural(value: Pickled | undefined): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
}

/** A shape; torch's have at most some ten dims. */
function areNaturals(value: Pickled | undefined): value is readonly number[] {
  return Array.isArray(value) && value.length <= 16 && value.every(isNatural);
}

function utf8(bytes: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw damaged("text in UTF-8", "other bytes");
  }
}

function kindOf(value: Pickled | undefined): string {
  if (value === null || value === undefined) return "none";
  return value instanceof Map ? "a dict" : Array.isArray(value) ? "a list" : typeof value;
}

function unsafe(seen: string) {
  return refuse(
    "unsafe_pickle",
    "a pickle of tensors alone",
    printable(seen),
    "A pickle can run any program when Python loads it; this one was only read. Ask for the prompt as safetensors.",
  );
}

function damaged(expected: string, seen: string) {
  return refuse(
    "bad_torch_file",
    `a pickle as torch.save writes it: ${expected}`,
    seen,
    "The file was damaged: fetch it again, or save it again as safetensors.",
  );
}
