/*
 * How good verdicts and values are, against what people said. Shares are 0…1; undefined where nothing was there to be right or wrong.
 */

/** What was said about a text, and what is right; `null` is "none of the labels". */
export type Judged = { target: string | null; label: string | null; confidence: number };

const isRight = ({ target, label }: Judged): boolean => target === label;

const share = (part: number, of: number): number | undefined => (of === 0 ? undefined : part / of);

export const accuracy = (judged: readonly Judged[]): number | undefined =>
  share(judged.filter(isRight).length, judged.length);

export type LabelScore = {
  label: string | null;
  /** Texts that have it, and texts that were given it. */
  texts: number;
  said: number;
  precision: number | undefined;
  recall: number | undefined;
  f1: number;
};

/** Of each label that a text has or was given; the worst first. */
export function labelScores(judged: readonly Judged[]): LabelScore[] {
  const counts = new Map<string | null, Counts>();
  const of = (label: string | null) => {
    const count = counts.get(label) ?? { right: 0, found: 0, wanted: 0 };
    counts.set(label, count);
    return count;
  };
  for (const one of judged) {
    of(one.target).wanted += 1;
    of(one.label).found += 1;
    if (isRight(one)) of(one.target).right += 1;
  }
  return [...counts]
    .map(([label, count]) => ({ label, texts: count.wanted, said: count.found, ...scoreOf(count) }))
    .sort((a, b) => a.f1 - b.f1 || b.texts - a.texts || (String(a.label) < String(b.label) ? -1 : 1));
}

/** Mean F1 of the labels that the texts have: a rare label counts as much as a frequent one. */
export function macroF1(judged: readonly Judged[]): number | undefined {
  const scores = labelScores(judged).filter(({ texts }) => texts > 0);
  return share(
    scores.reduce((sum, { f1 }) => sum + f1, 0),
    scores.length,
  );
}

/** Expected calibration error: the gap between confidence and accuracy, over bins of equal width weighted by their size. 0 of nothing. */
export function calibrationError(outcomes: readonly { confidence: number; right: boolean }[], bins = 15): number {
  // Of each bin the sum of confidences less the number of right ones.
  const gaps = new Float64Array(bins);
  for (const { confidence, right } of outcomes) {
    const bin = Math.min(bins - 1, Math.floor(confidence * bins));
    gaps[bin] = gaps[bin]! + confidence - (right ? 1 : 0);
  }
  return outcomes.length === 0 ? 0 : gaps.reduce((sum, gap) => sum + Math.abs(gap), 0) / outcomes.length;
}

/** If only verdicts at or above a confidence stood: the share of texts that get one, and how many of these are right. */
export type CurvePoint = { threshold: number; answered: number; accuracy: number | undefined };

export const curveThresholds = [0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95] as const;

export function abstentionCurve(
  judged: readonly Judged[],
  thresholds: readonly number[] = curveThresholds,
): CurvePoint[] {
  return thresholds.map((threshold) => {
    const standing = judged.filter(({ confidence }) => confidence >= threshold);
    return { threshold, answered: share(standing.length, judged.length) ?? 0, accuracy: accuracy(standing) };
  });
}

export type VerdictScore = {
  texts: number;
  accuracy: number | undefined;
  macroF1: number | undefined;
  calibrationError: number;
  curve: CurvePoint[];
  worst: LabelScore[];
};

export function verdictScore(judged: readonly Judged[], worst = 10): VerdictScore {
  return {
    texts: judged.length,
    accuracy: accuracy(judged),
    macroF1: macroF1(judged),
    calibrationError: calibrationError(judged.map((one) => ({ confidence: one.confidence, right: isRight(one) }))),
    curve: abstentionCurve(judged),
    worst: labelScores(judged).slice(0, worst),
  };
}

/** A value that a tier was asked for in one text, in its normal form; undefined: it is not there, or nobody found it. */
export type FieldCase = { field: string; tier: string; expected: string | undefined; found: string | undefined };

export type FieldScore = {
  field: string;
  tier: string;
  /** Texts in which the tier was asked for it, in which it is there, and in which the tier found something. */
  texts: number;
  wanted: number;
  found: number;
  right: number;
  precision: number | undefined;
  recall: number | undefined;
  f1: number | undefined;
};

/** By field and tier, in the order in which they come. A wrong value is both one that should not be there and one that was missed. */
export function fieldScores(cases: readonly FieldCase[]): FieldScore[] {
  const groups = Map.groupBy(cases, ({ field, tier }) => JSON.stringify([field, tier]));
  return [...groups.values()].map((group) => {
    const counts = {
      wanted: group.filter(({ expected }) => expected !== undefined).length,
      found: group.filter(({ found }) => found !== undefined).length,
      right: group.filter(({ expected, found }) => found !== undefined && expected === found).length,
    };
    return { field: group[0]!.field, tier: group[0]!.tier, texts: group.length, ...counts, ...scoreOf(counts) };
  });
}

type Counts = { right: number; found: number; wanted: number };

function scoreOf({ right, found, wanted }: Counts) {
  return {
    precision: share(right, found),
    recall: share(right, wanted),
    f1: found + wanted === 0 ? 0 : (2 * right) / (found + wanted),
  };
}
