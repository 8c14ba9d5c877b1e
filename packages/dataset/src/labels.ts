/**
 * The classes of a data set in the order of the head's outputs: by UTF-16 code unit, never by first appearance or by
 * locale, so that neither the order of the rows nor the machine changes what an output means.
 */
export function labelsOf(rows: Iterable<{ readonly label: string }>): string[] {
  const labels = new Set<string>();
  for (const { label } of rows) labels.add(label);
  return [...labels].sort();
}
