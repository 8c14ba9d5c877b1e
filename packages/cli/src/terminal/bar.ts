/** "████████░░░░". `share` outside 0..1 counts as the nearer end. */
export function bar(share: number, width: number): string {
  const full = Math.round(Math.min(1, Math.max(0, share)) * width);
  return "█".repeat(full).padEnd(width, "░");
}
