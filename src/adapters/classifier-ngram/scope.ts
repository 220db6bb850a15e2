/**
 * Does any label fit at all? A small logistic model over four signs of a text, fitted on held-out texts.
 *
 * Signs: the best label's score, the logarithm of its probability, the share of the text's weight that training has seen, and the lead of
 * the class learnt from `none` texts over the best label (0 where there is none).
 */
export const signCount = 4;

export type ScopeModel = {
  /** Probability of "none" is sigmoid(bias + Σ weights · signs), as if half of all texts belonged to no label. */
  bias: number;
  weights: number[];
  /** From this probability on the verdict is "none". */
  threshold: number;
};

export function noneProbability(model: ScopeModel, signs: ArrayLike<number>): number {
  let sum = model.bias;
  for (let i = 0; i < signCount; i++) sum += model.weights[i]! * signs[i]!;
  return 1 / (1 + Math.exp(-sum));
}

/**
 * Share of texts that belong to no label in what a form receives. Nobody knows it beforehand; the model itself stands on an even half, which made
 * every verdict inside the labels look less sure than it is (calibration error on CLINC150: bench/understand.ts).
 */
const expectedNone = 0.2;

/** The probability of "none" where a fifth of the texts, not half of them, belong to no label. */
export function usualNoneProbability(evenProbability: number): number {
  const odds = (evenProbability / (1 - Math.min(evenProbability, 1 - 1e-12))) * (expectedNone / (1 - expectedNone));
  return odds / (1 + odds);
}

/** Mean of the shares judged rightly inside and outside, 0…1. */
export function balancedAccuracy(inside: readonly number[], outside: readonly number[], threshold: number): number {
  const kept = inside.filter((p) => p < threshold).length / inside.length;
  const refused = outside.filter((p) => p >= threshold).length / outside.length;
  return (kept + refused) / 2;
}

/**
 * The threshold that judges most texts rightly where `share` of them lie outside (0.5: the best balanced accuracy): the middle of the best gap
 * between neighbouring probabilities.
 */
export function bestThreshold(inside: readonly number[], outside: readonly number[], share = 0.5): number {
  const points = [
    ...inside.map((p) => ({ p, weight: (1 - share) / inside.length })),
    ...outside.map((p) => ({ p, weight: -share / outside.length })),
  ].sort((a, b) => a.p - b.p);
  let balance = 0;
  let best = -Infinity;
  let threshold = 0.5;
  for (let i = 0; i < points.length; i++) {
    balance += points[i]!.weight;
    const next = points[i + 1]?.p ?? 1;
    if (next > points[i]!.p && balance > best + 1e-12) {
      best = balance;
      threshold = (points[i]!.p + next) / 2;
    }
  }
  return threshold;
}

/** Fits the model on signs of held-out texts inside the labels and of `none` texts; both lists must have an entry. */
export function fitScope(inside: readonly Float64Array[], outside: readonly Float64Array[]): ScopeModel {
  const { mean, spread } = standardisation([...inside, ...outside]);
  const rows = [
    ...inside.map((signs) => ({ signs, target: 0, weight: 0.5 / inside.length })),
    ...outside.map((signs) => ({ signs, target: 1, weight: 0.5 / outside.length })),
  ];
  const standard = rows.map(({ signs }) => Array.from(signs, (sign, i) => (sign - mean[i]!) / spread[i]!));
  const weights = new Float64Array(signCount);
  let bias = 0;
  // Plain gradient steps are enough for five numbers; the small decay keeps the weights finite where the two lists can be told apart perfectly.
  for (let step = 0; step < 400; step++) {
    const gradient = new Float64Array(signCount);
    let biasGradient = 0;
    for (let r = 0; r < rows.length; r++) {
      let sum = bias;
      for (let i = 0; i < signCount; i++) sum += weights[i]! * standard[r]![i]!;
      const error = (1 / (1 + Math.exp(-sum)) - rows[r]!.target) * rows[r]!.weight;
      biasGradient += error;
      for (let i = 0; i < signCount; i++) gradient[i] = gradient[i]! + error * standard[r]![i]!;
    }
    bias -= 1.5 * biasGradient;
    for (let i = 0; i < signCount; i++) weights[i] = weights[i]! - 1.5 * (gradient[i]! + 0.003 * weights[i]!);
  }
  const model = unstandardised(bias, weights, mean, spread);
  model.threshold = bestThreshold(
    inside.map((signs) => noneProbability(model, signs)),
    outside.map((signs) => noneProbability(model, signs)),
    expectedNone,
  );
  return model;
}

/**
 * Without a `none` text only the inside is known: a text is outside when its best score and its known share together are lower than those of all
 * but `refused` (a share) of the held-out texts inside.
 */
export function scopeFromInside(inside: readonly Float64Array[], refused: number): ScopeModel {
  if (inside.length === 0) return { bias: -1e9, weights: new Array(signCount).fill(0), threshold: 0.5 };
  const { mean, spread } = standardisation(inside);
  const model = unstandardised(0, Float64Array.of(-1, 0, -1, 0), mean, spread);
  const sums = inside.map((signs) => -logit(noneProbability(model, signs))).sort((a, b) => a - b);
  model.bias += sums[Math.floor(refused * (sums.length - 1))]!;
  model.threshold = 0.5;
  return model;
}

function logit(p: number): number {
  const safe = Math.min(1 - 1e-12, Math.max(1e-12, p));
  return Math.log(safe / (1 - safe));
}

function standardisation(rows: readonly Float64Array[]): { mean: Float64Array; spread: Float64Array } {
  const mean = new Float64Array(signCount);
  const spread = new Float64Array(signCount);
  for (const signs of rows) for (let i = 0; i < signCount; i++) mean[i] = mean[i]! + signs[i]! / rows.length;
  for (const signs of rows) {
    for (let i = 0; i < signCount; i++) spread[i] = spread[i]! + (signs[i]! - mean[i]!) ** 2 / rows.length;
  }
  for (let i = 0; i < signCount; i++) spread[i] = Math.sqrt(spread[i]!) || 1;
  return { mean, spread };
}

function unstandardised(bias: number, weights: Float64Array, mean: Float64Array, spread: Float64Array): ScopeModel {
  const plain = Array.from(weights, (weight, i) => weight / spread[i]!);
  return { bias: plain.reduce((sum, weight, i) => sum - weight * mean[i]!, bias), weights: plain, threshold: 0.5 };
}
