import type { SoftmaxSettings } from './softmax.ts';
import type { WeightingSettings } from './weighting.ts';

export type TrainingSettings = {
  /** One regression for each. */
  members: readonly WeightingSettings[];
  softmax: SoftmaxSettings;
  folds: { count: number; evaluated: number };
};

/** Below this many `none` texts no class is learnt from them; they only help to choose the threshold. */
export const leastNoneForClass = 5;

/** Share of right verdicts wanted of those that do not abstain. */
export const wantedAccuracy = 0.95;

/** Share of texts inside the labels that may be refused as "none" when no `none` text shows what lies outside. */
export const refusedInside = 0.05;

// All numbers below: accuracy in % on texts held out of the *training* parts (bench/understand/settings.ts prints such a table);
// "few" is Banking77 with 10 texts a label, "banking" and "clinc" are the whole training parts.

// Few examples: characters carry over to words that no example has. Words as strong as characters gave 75.0 for 76.5.
const few: readonly WeightingSettings[] = [{ rarity: 'labels', views: [1, 0.3, 1.5, 0.8] }];

// Many examples: words can be learnt, and two members that weigh rarity differently err differently.
// first alone: banking 91.0, clinc 93.9; second alone: 90.8, 93.9; both: 91.3, 94.5. A third gained less than 0.2 and cost half as much again.
const many: readonly WeightingSettings[] = [
  { rarity: 'labels', views: [1.5, 0.7, 0.7, 0.7] },
  { rarity: 'texts', views: [2, 1, 0.7, 1] },
];

/** One set for all forms; only what depends on the number of examples differs. */
export function settingsFor(examples: number, labels: number): TrainingSettings {
  const enough = examples / labels >= 20;
  return {
    members: enough ? many : few,
    softmax: enough
      ? { epochs: 10, rate: 8, decay: 3e-6, dropout: 0.4, seed: 1 }
      : { epochs: 20, rate: 5, decay: 3e-5, dropout: 0.2, seed: 1 },
    folds: foldsFor(examples),
  };
}

/** Many examples need fewer models for the same number of held-out texts: beyond 2,000 calibrating costs 0.75 of the training itself. */
function foldsFor(examples: number): TrainingSettings['folds'] {
  if (examples <= 400) return { count: 5, evaluated: 5 };
  return examples <= 2_000 ? { count: 3, evaluated: 3 } : { count: 4, evaluated: 1 };
}
