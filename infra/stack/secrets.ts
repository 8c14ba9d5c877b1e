/**
 * SHA-256, in hex, of the first admin key's secret. The key itself never comes here: `kilotune admin key new` makes both
 * where the platform's people sit. SST says how to set it where it is missing.
 */
export const adminKeyHash = new sst.Secret("AdminKeyHash").value.apply(checkHash);

function checkHash(value: string): string {
  // The value isn't quoted: somebody may have taken the key for its hash.
  if (/^[0-9a-f]{64}$/.test(value)) return value;
  throw new Error(
    "The secret AdminKeyHash: expected a SHA-256 as 64 hex digits, saw something else. Make one with `kilotune admin key new` and set it with `npx sst secret set AdminKeyHash <hash>`.",
  );
}
