/**
 * A dimension: a number, or a symbolic expression in canonical form, a polynomial with integer coefficients such as
 * "B", "P+S", "2*S+1" or "B*S". Two dims are equal exactly when they are `===`.
 */
export type Dim = number | string;

export function addDims(a: Dim, b: Dim): Dim {
  return format(addTerms(parse(a), parse(b), 1));
}

export function subtractDims(a: Dim, b: Dim): Dim {
  return format(addTerms(parse(a), parse(b), -1));
}

export function multiplyDims(a: Dim, b: Dim): Dim {
  const product = new Map<string, number>();
  for (const [monomialA, coefficientA] of parse(a)) {
    for (const [monomialB, coefficientB] of parse(b)) {
      const symbols = [...factors(monomialA), ...factors(monomialB)].sort();
      bump(product, symbols.join("*"), coefficientA * coefficientB);
    }
  }
  return format(product);
}

export function productOfDims(dims: readonly Dim[]): Dim {
  return dims.reduce(multiplyDims, 1);
}

/** a / b by long division of polynomials; undefined where b is 0 or leaves a rest. */
export function divideDims(a: Dim, b: Dim): Dim | undefined {
  const lead = leadingTerm(parse(b));
  if (lead === undefined) return undefined;
  let [quotient, rest]: [Dim, Dim] = [0, a];
  for (;;) {
    const next = leadingTerm(parse(rest));
    if (next === undefined) return quotient;
    const term = divideTerms(next, lead);
    if (term === undefined) return undefined;
    quotient = addDims(quotient, term);
    rest = subtractDims(rest, multiplyDims(term, b));
  }
}

/** The number that a dim stands for once its symbols are bound; throws on an unbound symbol. */
export function evaluateDim(dim: Dim, bindings: ReadonlyMap<string, number>): number {
  if (typeof dim === "number") return dim;
  let sum = 0;
  for (const [monomial, coefficient] of parse(dim)) {
    let term = coefficient;
    for (const symbol of factors(monomial)) {
      const bound = bindings.get(symbol);
      if (bound === undefined) throw new Error(`dim ${dim}: the symbol ${symbol} has no value`);
      term *= bound;
    }
    sum += term;
  }
  return sum;
}

/** Canonical form of an expression written by hand ("S+P" -> "P+S"). Symbols are letters, digits, "_" and ".". */
export function canonicalDim(dim: Dim): Dim {
  return format(parse(dim));
}

/** Monomial (symbols joined by "*", sorted; "" for the constant) -> coefficient. */
type Terms = Map<string, number>;

function parse(dim: Dim): Terms {
  const terms: Terms = new Map();
  if (typeof dim === "number") {
    if (dim !== 0) terms.set("", dim);
    return terms;
  }
  // The whole text must be terms: matchAll alone would step over "", "B+" and "B--P".
  if (!/^[+-]?[^+-]+([+-][^+-]+)*$/.test(dim)) throw new Error(`dim "${dim}" isn't a sum of terms`);
  for (const [, sign, body] of dim.matchAll(/([+-]?)([^+-]+)/g)) {
    let coefficient = sign === "-" ? -1 : 1;
    const symbols: string[] = [];
    for (const factor of (body ?? "").split("*")) {
      if (/^\d+$/.test(factor)) coefficient *= Number(factor);
      else if (/^[A-Za-z_][\w.]*$/.test(factor)) symbols.push(factor);
      else throw new Error(`dim "${dim}": "${factor}" is neither a number nor a symbol`);
    }
    bump(terms, symbols.sort().join("*"), coefficient);
  }
  return terms;
}

function format(terms: Terms): Dim {
  const parts = [...terms].filter(([, coefficient]) => coefficient !== 0);
  // The constant comes last, symbols in alphabetical order: one spelling for one value.
  parts.sort(([a], [b]) => (a === "" ? 1 : b === "" ? -1 : a < b ? -1 : 1));
  if (parts.length === 0) return 0;
  if (parts.length === 1 && parts[0]?.[0] === "") return parts[0][1];
  return parts
    .map(([monomial, coefficient], at) => {
      const size = Math.abs(coefficient);
      const sign = coefficient < 0 ? "-" : at > 0 ? "+" : "";
      if (monomial === "") return `${sign}${size}`;
      return `${sign}${size === 1 ? "" : `${size}*`}${monomial}`;
    })
    .join("");
}

function addTerms(a: Terms, b: Terms, scale: number): Terms {
  const sum = new Map(a);
  for (const [monomial, coefficient] of b) bump(sum, monomial, scale * coefficient);
  return sum;
}

type Term = readonly [monomial: string, coefficient: number];

/** The greatest term: most symbols first, then by alphabet. An order that products keep, so long division ends. */
function leadingTerm(terms: Terms): Term | undefined {
  return [...terms].filter(([, coefficient]) => coefficient !== 0).sort(([a], [b]) => precedence(a, b))[0];
}

function precedence(a: string, b: string): number {
  const [symbolsA, symbolsB] = [factors(a), factors(b)];
  if (symbolsA.length !== symbolsB.length) return symbolsB.length - symbolsA.length;
  const at = symbolsA.findIndex((symbol, index) => symbol !== symbolsB[index]);
  return at < 0 ? 0 : (symbolsA[at] as string) < (symbolsB[at] as string) ? -1 : 1;
}

function divideTerms(a: Term, b: Term): Dim | undefined {
  const symbols = factors(a[0]);
  for (const symbol of factors(b[0])) {
    const at = symbols.indexOf(symbol);
    if (at < 0) return undefined;
    symbols.splice(at, 1);
  }
  return a[1] % b[1] === 0 ? format(new Map([[symbols.join("*"), a[1] / b[1]]])) : undefined;
}

function bump(terms: Terms, monomial: string, by: number): void {
  terms.set(monomial, (terms.get(monomial) ?? 0) + by);
}

function factors(monomial: string): string[] {
  return monomial === "" ? [] : monomial.split("*");
}
