import type { Files } from "./task.ts";

/** Each file of a job made into another. */
export function mapFiles<From, To>(
  { train, validation, test, otherTests }: Files<From>,
  each: (file: From) => To,
): Files<To> {
  return {
    train: each(train),
    validation: validation && each(validation),
    test: test && each(test),
    otherTests: otherTests.map(each),
  };
}
