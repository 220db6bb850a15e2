/**
 * Vectors in 8 bits, a quarter of their size, and the search among them. A quantised vector is `values[d] * scale`; of a unit vector of 384 dimensions it is off by
 * at most 0.4 % of its largest value, and of the similarity of two by 0.005 (similarity.test.ts).
 */
export type Quantised = { values: Int8Array; scale: number };

/** Vectors of equal length below each other: row r is `values[r * dimensions …]`, times `scales[r]`. */
export type VectorMatrix = { dimensions: number; values: Int8Array; scales: Float32Array };

export type Neighbour = { row: number; similarity: number };

/** The zero vector has scale 0. */
export function quantise(vector: ArrayLike<number>): Quantised {
  let largest = 0;
  for (let d = 0; d < vector.length; d++) largest = Math.max(largest, Math.abs(vector[d]!));
  const values = new Int8Array(vector.length);
  if (largest === 0) return { values, scale: 0 };
  for (let d = 0; d < vector.length; d++) values[d] = Math.round((vector[d]! * 127) / largest);
  return { values, scale: Math.fround(largest / 127) };
}

export function dequantise({ values, scale }: Quantised): Float32Array {
  return Float32Array.from(values, (value) => value * scale);
}

/** Of two vectors of equal length; for those of unit length their similarity, -1…1. */
export function dotProduct(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let sum = 0;
  for (let d = 0; d < a.length; d++) sum += a[d]! * b[d]!;
  return sum;
}

export function quantisedDot(a: Quantised, b: Quantised): number {
  return intDot(a.values, b.values, 0) * a.scale * b.scale;
}

/** The `count` rows most similar to the query, best first; of equal ones the earlier. Looks at every row: 100,000 of 384 dimensions take 40 ms (bench/embed.ts). */
export function nearest(matrix: VectorMatrix, query: Quantised, count: number): Neighbour[] {
  const best: Neighbour[] = [];
  collectNearest(best, matrix, query, { count });
  return best;
}

/**
 * Takes the rows of one more matrix into `best`, the `count` most similar of all matrices so far, best first. The matrix's first row is called `firstRow`;
 * `accept` is asked only about rows that would be among the best.
 */
export function collectNearest(
  best: Neighbour[],
  { dimensions, values, scales }: VectorMatrix,
  query: Quantised,
  { count, firstRow = 0, accept }: { count: number; firstRow?: number; accept?: (row: number) => boolean },
): void {
  if (count <= 0) return;
  let worst = best.length < count ? -Infinity : best.at(-1)!.similarity;
  for (let row = 0; row < scales.length; row++) {
    const similarity = intDot(query.values, values, row * dimensions) * scales[row]! * query.scale;
    if (best.length === count && similarity <= worst) continue;
    if (accept && !accept(firstRow + row)) continue;
    let place = best.length;
    while (place > 0 && best[place - 1]!.similarity < similarity) place--;
    best.splice(place, 0, { row: firstRow + row, similarity });
    if (best.length > count) best.pop();
    worst = best.at(-1)!.similarity;
  }
}

/** Of `a` and what is in `b` from `from` on. Four sums at once do not wait for each other; 127 * 127 * 133,000 dimensions would pass 32 bits. */
function intDot(a: Int8Array, b: Int8Array, from: number): number {
  const { length } = a;
  const even = length - (length % 4);
  let s0 = 0;
  let s1 = 0;
  let s2 = 0;
  let s3 = 0;
  let d = 0;
  for (; d < even; d += 4) {
    s0 = (s0 + Math.imul(a[d]!, b[from + d]!)) | 0;
    s1 = (s1 + Math.imul(a[d + 1]!, b[from + d + 1]!)) | 0;
    s2 = (s2 + Math.imul(a[d + 2]!, b[from + d + 2]!)) | 0;
    s3 = (s3 + Math.imul(a[d + 3]!, b[from + d + 3]!)) | 0;
  }
  for (; d < length; d++) s0 = (s0 + Math.imul(a[d]!, b[from + d]!)) | 0;
  return s0 + s1 + s2 + s3;
}
