/**
 * Sentence vectors of a batch: the mean of each row's first `lengths[row]` token vectors (the rest is padding), made unit length. `hidden` holds
 * `[row, token, dimension]`, each row `tokens` long. A row whose mean is zero stays zero.
 */
export function pool(
  hidden: Float32Array,
  tokens: number,
  dimensions: number,
  lengths: readonly number[],
): Float32Array[] {
  return lengths.map((length, row) => {
    const sum = new Float32Array(dimensions);
    for (let t = 0; t < length; t++) {
      const base = (row * tokens + t) * dimensions;
      for (let d = 0; d < dimensions; d++) sum[d] = sum[d]! + hidden[base + d]!;
    }
    let squares = 0;
    for (const value of sum) squares += value * value;
    const factor = squares > 0 ? 1 / Math.sqrt(squares) : 0;
    return sum.map((value) => value * factor);
  });
}
