import type { ComparedMethod } from "@kilotune/contract";

/** With what its prompt started as and was learnt through, where that was asked for. */
export function comparedTitle({ title, init, reparam }: ComparedMethod): string {
  return [
    title,
    ...(init === undefined ? [] : [`init ${init}`]),
    ...(reparam === undefined ? [] : [`reparam ${reparam}`]),
  ].join(", ");
}
