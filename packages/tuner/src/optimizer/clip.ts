/** Scales gradients down in place so that their common norm is at most `maxNorm`; returns the norm before. */
export function clipByGlobalNorm(gradients: readonly Float32Array[], maxNorm: number): number {
  let squares = 0;
  for (const gradient of gradients)
    for (let at = 0; at < gradient.length; at++) squares += (gradient[at] as number) ** 2;
  const norm = Math.sqrt(squares);
  if (norm > maxNorm) {
    const scale = maxNorm / norm;
    for (const gradient of gradients)
      for (let at = 0; at < gradient.length; at++) gradient[at] = (gradient[at] as number) * scale;
  }
  return norm;
}
