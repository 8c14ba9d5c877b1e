/** What is promised, where it comes within so many milliseconds. @throws what `late` makes */
export async function inTime<Value>(promise: Promise<Value>, ms: number, late: () => Error): Promise<Value> {
  const { promise: ended, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(late()), ms);
  try {
    return await Promise.race([promise, ended]);
  } finally {
    clearTimeout(timer);
  }
}
