/** A mean over objects. */
export interface Estimate {
  readonly n: number;
  /** Null where there is nothing to take it of. */
  readonly mean: number | null;
  /** Sample deviation / √n, objects taken for independent; null for fewer than two. */
  readonly standard_error: number | null;
}

export function estimate(values: readonly number[]): Estimate {
  const n = values.length;
  if (n === 0) return { n, mean: null, standard_error: null };
  const mean = sum(values) / n;
  if (n === 1) return { n, mean, standard_error: null };
  const squares = sum(values.map((value) => (value - mean) ** 2));
  return { n, mean, standard_error: Math.sqrt(squares / (n - 1) / n) };
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

/** Pearson's correlation; null where either does not vary. */
export function correlation(pairs: readonly (readonly [x: number, y: number])[]): number | null {
  const n = pairs.length;
  const [x, y] = [sum(pairs.map(([x]) => x)) / n, sum(pairs.map(([, y]) => y)) / n];
  let [xx, xy, yy] = [0, 0, 0];
  for (const [a, b] of pairs) {
    xx += (a - x) ** 2;
    xy += (a - x) * (b - y);
    yy += (b - y) ** 2;
  }
  return xx > 0 && yy > 0 ? xy / Math.sqrt(xx * yy) : null;
}
