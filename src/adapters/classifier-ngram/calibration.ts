/** How sure the head said it was of a held-out text, and whether it was right. */
export type Outcome = { confidence: number; right: boolean };

/** Probabilities of `scores` at a temperature, written into `into` (same length). */
export function softmax(scores: ArrayLike<number>, temperature: number, into: Float64Array): void {
  let top = -Infinity;
  for (let k = 0; k < into.length; k++) top = Math.max(top, scores[k]!);
  let total = 0;
  for (let k = 0; k < into.length; k++) {
    const e = Math.exp((scores[k]! - top) / temperature);
    into[k] = e;
    total += e;
  }
  for (let k = 0; k < into.length; k++) into[k] = into[k]! / total;
}

/**
 * Mean negative log-likelihood of the right classes, of which a share `doubt` (0…1) is given to the other classes evenly.
 */
export function logLoss(
  scores: readonly Float64Array[],
  targets: ArrayLike<number>,
  temperature: number,
  doubt = 0,
): number {
  if (scores.length === 0) return 0;
  let sum = 0;
  const probabilities = new Float64Array(scores[0]!.length);
  const others = doubt / (probabilities.length - 1);
  for (let row = 0; row < scores.length; row++) {
    softmax(scores[row]!, temperature, probabilities);
    for (let k = 0; k < probabilities.length; k++) {
      const wanted = k === targets[row] ? 1 - doubt : others;
      if (wanted > 0) sum -= wanted * Math.log(Math.max(probabilities[k]!, 1e-12));
    }
  }
  return sum / scores.length;
}

/**
 * The temperature (0.05 … 20) that makes the right classes of held-out rows likeliest; 1 without any row. Golden section on its logarithm
 * (the loss has one minimum). As in Platt's scaling one row in `rows + 2` is taken to be wrong: a few rows that are all right would
 * otherwise make the head sure of everything.
 */
export function fitTemperature(scores: readonly Float64Array[], targets: ArrayLike<number>): number {
  if (scores.length === 0) return 1;
  const doubt = 1 / (scores.length + 2);
  const loss = (logarithm: number) => logLoss(scores, targets, Math.exp(logarithm), doubt);
  const ratio = (Math.sqrt(5) - 1) / 2;
  let low = Math.log(0.05);
  let high = Math.log(20);
  for (let i = 0; i < 25; i++) {
    const left = high - ratio * (high - low);
    const right = low + ratio * (high - low);
    if (loss(left) < loss(right)) high = right;
    else low = left;
  }
  return Math.exp((low + high) / 2);
}

/**
 * The lowest confidence at which the verdicts at or above it were right often enough (`wanted`, a share) on held-out texts.
 * Four imagined verdicts, half of them right, stand for what few examples cannot show. Kept within 0.5 … 0.9 (a verdict more
 * likely wrong than right never stands); 0.6 without any held-out text.
 */
export function abstainThreshold(outcomes: readonly Outcome[], wanted: number): number {
  if (outcomes.length === 0) return 0.6;
  const sorted = [...outcomes].sort((a, b) => b.confidence - a.confidence);
  let right = 2;
  let threshold = 0.9;
  for (let i = 0; i < sorted.length; i++) {
    if (sorted[i]!.right) right++;
    // Equal confidences stand or fall together.
    if (sorted[i + 1]?.confidence === sorted[i]!.confidence) continue;
    if (right / (i + 1 + 4) >= wanted) threshold = sorted[i]!.confidence;
  }
  return Math.min(0.9, Math.max(0.5, threshold));
}
