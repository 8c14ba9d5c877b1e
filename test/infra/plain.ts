/** What Pulumi wraps, as it is: secrets open, assets as what they are of. */
export function plain(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== "object" || value === null) return value;
  const held = value as Record<string, unknown>;
  if (held[SIGNATURE] === SECRET) return plain(held.value);
  if (held.__pulumiAsset || held.__pulumiArchive) return { asset: held.__pulumiArchive ? "archive" : "file" };
  if (Object.getPrototypeOf(value) !== Object.prototype) return value;
  return Object.fromEntries(Object.entries(held).map(([name, each]) => [name, plain(each)]));
}

/** Pulumi's own marks; see its sdk/nodejs/runtime/rpc.ts. */
const SIGNATURE = "4dabf18193072939515e22adb298388d";
const SECRET = "1b47061264138c4ac30d75fd1eb44270";
