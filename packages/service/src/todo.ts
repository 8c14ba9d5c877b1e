/** Until the body follows. */
export function todo(..._args: unknown[]): never {
  throw new Error("not written yet");
}
