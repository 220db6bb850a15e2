import type { FieldSkill } from '#domain/extraction.ts';
import { sharpened } from './model.ts';
import { settings } from './settings.ts';

/** What became of one field of a text that the tagger had not seen. `confidence` 0: it found nothing. */
export type HeldOut = {
  field: string;
  marked: boolean;
  confidence: number;
  right: boolean;
  hint: 'right' | 'wrong' | undefined;
};

/** The sharpness with which the confidences say best what was right (log loss), from 0.4 to 2. */
export function sharpnessOf(held: readonly HeldOut[]): number {
  const found = held.filter(({ confidence }) => confidence > 0);
  let best = { sharpness: 1, loss: Number.POSITIVE_INFINITY };
  for (let step = 8; step <= 40; step++) {
    const sharpness = step / 20;
    let loss = 0;
    for (const { confidence, right } of found) {
      const p = sharpened(confidence, sharpness);
      loss -= Math.log(right ? p : 1 - p);
    }
    if (loss < best.loss) best = { sharpness, loss };
  }
  return best.sharpness;
}

/** The threshold of one field, and how good it is from there on. */
export function judge(held: readonly HeldOut[]): FieldSkill {
  const threshold = thresholdOf(held);
  const found = held.filter(({ confidence }) => confidence >= threshold);
  const right = found.filter((one) => one.right).length;
  const support = held.filter(({ marked }) => marked).length;
  const hints = held.filter(({ hint }) => hint !== undefined);
  return {
    precision: share(right, found.length),
    recall: share(right, support),
    f1: share(2 * right, found.length + support),
    support,
    threshold,
    rulesPrecision:
      hints.length === 0 ? undefined : share(hints.filter(({ hint }) => hint === 'right').length, hints.length),
  };
}

/** The lowest confidence from which on enough of the places are right. */
function thresholdOf(held: readonly HeldOut[]): number {
  const { precision, minThreshold, maxThreshold } = settings;
  const found = held.filter(({ confidence }) => confidence >= minThreshold).sort((a, b) => a.confidence - b.confidence);
  let right = found.filter((one) => one.right).length;
  for (const [i, one] of found.entries()) {
    const enough = right >= precision * (found.length - i);
    if (enough) return i === 0 ? minThreshold : Math.min(maxThreshold, rounded(one.confidence));
    if (one.right) right -= 1;
  }
  return maxThreshold;
}

const share = (part: number, whole: number): number => (whole === 0 ? 0 : rounded(part / whole));

const rounded = (value: number): number => Math.round(value * 1e4) / 1e4;
