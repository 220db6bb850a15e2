export type Quantiles = { p50: number; p95: number; max: number };

/** Exact: each is one of the values, the smallest that so many of them do not exceed (nearest rank). Undefined of nothing. */
export function quantilesOf(values: readonly number[]): Quantiles | undefined {
  if (values.length === 0) return undefined;
  const sorted = Float64Array.from(values).sort();
  const at = (share: number) => sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)]!;
  return { p50: at(0.5), p95: at(0.95), max: sorted.at(-1)! };
}
