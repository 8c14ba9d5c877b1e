/** Seconds by stage: each lap ends the one before, if it is another. */
export function stopwatch(clock: () => number) {
  const laps: { name: string; seconds: number }[] = [];
  let current: { name: string; start: number } | undefined;
  return {
    lap(name: string): void {
      if (current?.name === name) return;
      const now = clock();
      if (current !== undefined) laps.push({ name: current.name, seconds: (now - current.start) / 1000 });
      current = { name, start: now };
    },
    laps: (): readonly { readonly name: string; readonly seconds: number }[] => laps,
    total: (...names: readonly string[]): number =>
      laps.filter(({ name }) => names.includes(name)).reduce((sum, { seconds }) => sum + seconds, 0),
  };
}
