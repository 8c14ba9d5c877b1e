import { KilotuneError } from "@kilotune/contract";

export interface WantedTensor {
  /** The checkpoint's name, without prefix. */
  readonly name: string;
  readonly shape: readonly number[];
}

export interface NameRules {
  /** What the checkpoint should hold, for the error: "the BERT encoder". */
  readonly what: string;
  /** Of the family's checkpoints, for the hint: "model type bert". */
  readonly kind: string;
  /** Takes off a task model's prefix and translates old spellings. */
  plain(name: string): string;
  /** Heads of other tasks and index buffers: names, or beginnings that end in a dot. */
  readonly dropped: readonly string[];
}

/**
 * Finds each wanted tensor of a checkpoint. Names that are dropped on purpose are listed by the family; any other name that
 * is left over is an error, since a weight that is silently ignored is a model that is silently wrong.
 * @param shapes tensor name -> shape, as the checkpoint's header has them
 * @returns plain name -> the name in the file
 * @throws KilotuneError `bad_weights`, listing missing and unknown names and wrong shapes
 */
export function findTensors(
  shapes: ReadonlyMap<string, readonly number[]>,
  wanted: readonly WantedTensor[],
  { what, kind, plain, dropped }: NameRules,
): Map<string, string> {
  const faults: string[] = [];
  const originals = byPlainName(shapes.keys(), plain, faults);
  const found = new Map<string, string>();
  const missing: string[] = [];
  for (const { name, shape } of wanted) {
    const original = originals.get(name);
    if (original === undefined) {
      missing.push(name);
      continue;
    }
    originals.delete(name);
    found.set(name, original);
    const seen = shapes.get(original)!;
    if (seen.length !== shape.length || seen.some((dim, axis) => dim !== shape[axis])) {
      faults.push(`${original}: expected shape [${shape.join(", ")}], saw [${seen.join(", ")}]`);
    }
  }
  const isDropped = (name: string) =>
    dropped.some((each) => (each.endsWith(".") ? name.startsWith(each) : name === each));
  const unknown = [...originals].filter(([name]) => !isDropped(name)).map(([, original]) => original);
  if (missing.length > 0) faults.unshift(`missing ${list(missing)}`);
  if (unknown.length > 0) faults.push(`unknown ${list(unknown)}`);
  if (faults.length > 0) {
    throw new KilotuneError(
      "bad_weights",
      `The checkpoint does not hold ${what} that its config.json describes: ${list(faults, "; ")}.`,
      `Check that model.safetensors and config.json come from the same checkpoint, of ${kind}.`,
    );
  }
  return found;
}

/** Plain name -> the name in the file. Two names for one weight are a fault. */
function byPlainName(
  names: Iterable<string>,
  plain: (name: string) => string,
  faults: string[],
): Map<string, string> {
  const found = new Map<string, string>();
  for (const name of names) {
    const key = plain(name);
    const other = found.get(key);
    if (other !== undefined) faults.push(`${other} and ${name} are the same weight`);
    found.set(key, name);
  }
  return found;
}

function list(items: readonly string[], separator = ", "): string {
  const shown = items.slice(0, 6).join(separator);
  return items.length > 6 ? `${shown}${separator}and ${items.length - 6} more` : shown;
}
