/**
 * Rows that are computed together, as places in `lengths`: neighbours in length, so that little is padded, and no more than `most` tokens with the padding
 * (a longer row is alone).
 */
export function batchesByLength(lengths: readonly number[], most: number): number[][] {
  const order = [...lengths.keys()].sort((a, b) => lengths[a]! - lengths[b]! || a - b);
  const batches: number[][] = [];
  for (const at of order) {
    const last = batches.at(-1);
    // Sorted: the one at hand is the longest so far.
    if (last && (last.length + 1) * lengths[at]! <= most) last.push(at);
    else batches.push([at]);
  }
  return batches;
}
