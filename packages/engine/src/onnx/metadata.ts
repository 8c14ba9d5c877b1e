/**
 * What an .onnx file's exporter says of it: `metadata_props` of the model. Nothing else of the file is read, and a damaged one
 * says nothing: whoever needs the graph hears of the damage from `decodeOnnx`. At most 64 entries, of names of 200 bytes and
 * values of 256 KB.
 */
export function readOnnxMetadata(bytes: Uint8Array): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  for (const field of fieldsOf(bytes)) {
    if (field.number !== METADATA_PROPS || field.bytes === undefined) continue;
    if (found.size >= MOST_ENTRIES) break;
    let [key, value] = ["", ""];
    for (const part of fieldsOf(field.bytes)) {
      if (part.number === 1 && part.bytes !== undefined && part.bytes.length <= MOST_NAME)
        key = text(part.bytes);
      if (part.number === 2 && part.bytes !== undefined && part.bytes.length <= MOST_VALUE)
        value = text(part.bytes);
    }
    if (key !== "") found.set(key, value);
  }
  return found;
}

const [MOST_ENTRIES, MOST_NAME, MOST_VALUE] = [64, 200, 256 * 1024];

/** Of ModelProto, in onnx.proto. */
const METADATA_PROPS = 14;

interface Field {
  readonly number: number;
  /** Of a field with a length. */
  readonly bytes?: Uint8Array;
}

/** The fields of a protobuf message, one level deep; ends where it makes no sense any more. */
function* fieldsOf(bytes: Uint8Array): Generator<Field> {
  let at = 0;
  /** NaN where it ends too early or is larger than any file. */
  const varint = (): number => {
    let value = 0;
    for (let power = 1; power <= 2 ** 49; power *= 128) {
      const byte = bytes[at++];
      if (byte === undefined) return Number.NaN;
      value += (byte & 127) * power;
      if (byte < 128) return value;
    }
    return Number.NaN;
  };
  while (at < bytes.length) {
    const tag = varint();
    if (!Number.isFinite(tag)) return;
    const number = Math.floor(tag / 8);
    switch (tag % 8) {
      case 0:
        while ((bytes[at] ?? 0) >= 128) at++;
        at++;
        yield { number };
        break;
      case 1:
        at += 8;
        break;
      case 5:
        at += 4;
        break;
      case 2: {
        const length = varint();
        if (!(at + length <= bytes.length)) return;
        yield { number, bytes: bytes.subarray(at, at + length) };
        at += length;
        break;
      }
      default:
        return;
    }
  }
}

function text(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}
