import type { SoftmaxSettings } from './softmax.ts';
import type { WeightingSettings } from './weighting.ts';

export type TrainingSettings = {
  weighting: WeightingSettings;
  softmax: SoftmaxSettings;
  folds: { count: number; evaluated: number };
};

/** Below this many `none` texts no class is learnt from them; they only help to choose the threshold. */
export const leastNoneForClass = 5;

/** Share of right verdicts wanted of those that do not abstain. */
export const wantedAccuracy = 0.95;

/** Share of texts inside the labels that may be refused as "none" when no `none` text shows what lies outside. */
export const refusedInside = 0.05;

/** One set for all forms; only what depends on the number of examples differs. */
export function settingsFor(examples: number, labels: number): TrainingSettings {
  const many = examples / labels >= 20;
  return {
    weighting: { rarity: 'labels', leastRows: 1 },
    softmax: {
      epochs: many ? 10 : 20,
      rate: many ? 8 : 5,
      decay: many ? 3e-6 : 3e-5,
      dropout: many ? 0.4 : 0.2,
      seed: 1,
    },
    folds:
      examples <= 400
        ? { count: 5, evaluated: 5 }
        : examples <= 2_000
          ? { count: 3, evaluated: 3 }
          : { count: 4, evaluated: 1 },
  };
}
