/** 0.9312 -> "93.1 %". */
export function percent(share: number): string {
  return `${(share * 100).toFixed(1)} %`;
}

/** Decimal units, as disks have them: 90868376 -> "90.9 MB". */
export function bytes(sizeBytes: number): string {
  if (sizeBytes < 1000) return `${sizeBytes} B`;
  if (sizeBytes < 999_950) return `${(sizeBytes / 1e3).toFixed(1)} KB`;
  return sizeBytes < 999_950_000
    ? `${(sizeBytes / 1e6).toFixed(1)} MB`
    : `${(sizeBytes / 1e9).toFixed(1)} GB`;
}

/** 9.2 -> "9 s", 84 -> "1 min 24 s". */
export function duration(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  return whole < 60 ? `${whole} s` : `${Math.floor(whole / 60)} min ${whole % 60} s`;
}
