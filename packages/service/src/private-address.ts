import { BlockList, isIP } from "node:net";

/**
 * Whether an address is one of the public internet's: not this machine, not a network behind it, not a cloud's metadata.
 * By IANA's special-purpose registries (RFC 6890): of IPv6 only what is allocated as global (2000::/3), less what carries
 * or means something else. IPv4 inside IPv6 isn't public either: who means it can write it as IPv4.
 */
export function isPublicAddress(address: string): boolean {
  const family = isIP(address);
  if (family === 4) return !SPECIAL_4.check(address, "ipv4");
  return family === 6 && !SPECIAL_6.check(address, "ipv6");
}

/** Two: a list holds an IPv4 address against its rules for IPv6 as well, as ::ffff:a.b.c.d. */
const SPECIAL_4 = new BlockList();
const SPECIAL_6 = new BlockList();

for (const [network, bits] of [
  ["0.0.0.0", 8],
  ["10.0.0.0", 8],
  ["100.64.0.0", 10],
  ["127.0.0.0", 8],
  ["169.254.0.0", 16],
  ["172.16.0.0", 12],
  ["192.0.0.0", 24],
  ["192.0.2.0", 24],
  ["192.88.99.0", 24],
  ["192.168.0.0", 16],
  ["198.18.0.0", 15],
  ["198.51.100.0", 24],
  ["203.0.113.0", 24],
  ["224.0.0.0", 3],
] as const)
  SPECIAL_4.addSubnet(network, bits, "ipv4");

for (const [network, bits] of [
  ["::", 3],
  ["4000::", 2],
  ["8000::", 1],
  ["2001::", 23],
  ["2001:db8::", 32],
  ["2002::", 16],
  ["3fff::", 20],
] as const)
  SPECIAL_6.addSubnet(network, bits, "ipv6");
