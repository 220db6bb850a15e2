/**
 * How far a language model can be believed beside a form's head: measured on held-out examples that the head was unsure of, which are what it would be
 * asked about.
 *
 * The joint score of a label is `headWeight * ln p_head + modelWeight * (ln p_model - bias)`, and the softmax of the scores its probability. `bias` is what
 * the model says of a label whatever the text (a letter it likes), so that only what the text adds counts.
 */
export type ModelFit = {
  /** `fitId(formId, modelSha256)`. */
  id: string;
  formId: string;
  modelSha256: string;
  headSha256: string;
  prompt: string;
  /** In the order of the options, `null` is "none of these"; empty where a form has so many labels that the options differ from text to text. */
  labels: (string | null)[];
  bias: number[];
  headWeight: number;
  modelWeight: number;
  /** A joint verdict at or above it stands without a person. */
  threshold: number;
  /** Of the held-out texts: how many, and shares of right labels of head, model, and both; share that the joint verdict decides. */
  texts: number;
  headAccuracy: number;
  modelAccuracy: number;
  jointAccuracy: number;
  decided: number;
  useful: boolean;
  /** Examples that the head had learnt from. */
  examples: number;
  at: number;
};

export const fitId = (formId: string, modelSha256: string): string => `${formId}:${modelSha256.slice(0, 16)}`;

/** A measurement is made again when the form has other labels, or a fifth more examples. */
export function isOutdated(fit: ModelFit, head: { examples: number }, prompt: string): boolean {
  return fit.prompt !== prompt || head.examples > fit.examples * 1.2 || head.examples < fit.examples * 0.8;
}

/** What both say about one text, by option; `target` is the index of the right one, -1 where it is not among them. */
export type Sample = { head: number[]; model: number[]; target: number };

export type Weights = Pick<ModelFit, 'bias' | 'headWeight' | 'modelWeight'>;

const log = (p: number): number => Math.log(Math.max(p, 1e-6));

export function jointProbabilities(head: readonly number[], model: readonly number[], weights: Weights): number[] {
  const scores = head.map(
    (p, i) => weights.headWeight * log(p) + weights.modelWeight * (log(model[i]!) - (weights.bias[i] ?? 0)),
  );
  const top = Math.max(...scores);
  const raw = scores.map((score) => Math.exp(score - top));
  const total = raw.reduce((sum, value) => sum + value, 0);
  return raw.map((value) => value / total);
}

const headWeights = [0.25, 0.5, 0.75, 1, 1.5, 2];
const modelWeights = [0, 0.1, 0.25, 0.5, 0.75, 1, 1.5, 2];
/** Of the verdicts that stand without a person, so many must be right: the promise of the head too. */
const wantedAccuracy = 0.9;
/** A model that decides fewer of the doubtful texts than this costs more than it helps. */
const leastDecided = 0.05;

export type FitResult = Omit<
  ModelFit,
  'id' | 'formId' | 'modelSha256' | 'headSha256' | 'prompt' | 'labels' | 'examples' | 'at'
>;

/**
 * Weights from all samples; what they are worth, from halves that did not choose them. With fewer than 12 samples nothing is believed. `options`: how many there
 * are, the same for every sample; undefined where they differ, and then no letter is known to be liked.
 */
export function fitJoint(samples: readonly Sample[], options: number | undefined): FitResult {
  const none = { bias: [], headWeight: 1, modelWeight: 0 };
  const share = (right: (sample: Sample) => boolean) =>
    samples.length === 0 ? 0 : samples.filter(right).length / samples.length;
  const base = {
    texts: samples.length,
    headAccuracy: share(({ head, target }) => best(head) === target),
    modelAccuracy: share(({ model, target }) => best(model) === target),
  };
  if (samples.length < 12)
    return { ...none, ...base, threshold: 1, jointAccuracy: base.headAccuracy, decided: 0, useful: false };
  const weights = choose(samples, options);
  const halves = [0, 1].map((half) => samples.filter((_, i) => i % 2 === half));
  const outcomes = halves.flatMap((half, i) => {
    const other = choose(halves[1 - i]!, options);
    return half.map(({ head, model, target }) => {
      const joint = jointProbabilities(head, model, other);
      const found = best(joint);
      return { confidence: joint[found]!, right: found === target };
    });
  });
  const { threshold, decided } = standing(outcomes);
  return {
    ...weights,
    ...base,
    threshold,
    decided,
    jointAccuracy: outcomes.filter(({ right }) => right).length / outcomes.length,
    useful: weights.modelWeight > 0 && decided >= leastDecided,
  };
}

function choose(all: readonly Sample[], options: number | undefined): Weights {
  const samples = all.filter(({ target }) => target >= 0);
  const bias = Array.from({ length: options ?? 0 }, (_, i) => {
    const sum = samples.reduce((total, { model }) => total + log(model[i]!), 0);
    return sum / Math.max(1, samples.length);
  });
  let chosen: Weights = { bias, headWeight: 1, modelWeight: 0 };
  let least = Infinity;
  // The smallest weight of the model that does as well as any: chance alone must not make it believed.
  for (const modelWeight of modelWeights) {
    for (const headWeight of headWeights) {
      const weights = { bias, headWeight, modelWeight };
      const loss = samples.reduce(
        (sum, { head, model, target }) => sum - log(jointProbabilities(head, model, weights)[target]!),
        0,
      );
      if (loss < least - 0.5) {
        least = loss;
        chosen = weights;
      }
    }
  }
  return chosen;
}

/** The lowest confidence from which on verdicts are right often enough; two imagined wrong among four stand for what few samples cannot show. */
function standing(outcomes: readonly { confidence: number; right: boolean }[]): { threshold: number; decided: number } {
  const sorted = outcomes.toSorted((a, b) => b.confidence - a.confidence);
  let right = 2;
  let found = { threshold: 1, decided: 0 };
  sorted.forEach((outcome, i) => {
    if (outcome.right) right += 1;
    if (right / (i + 1 + 4) >= wantedAccuracy)
      found = { threshold: outcome.confidence, decided: (i + 1) / outcomes.length };
  });
  return found;
}

export function best(of: readonly number[]): number {
  let at = 0;
  for (let i = 1; i < of.length; i++) if (of[i]! > of[at]!) at = i;
  return at;
}

/** What a head said, as probabilities of the options: what it did not name shares what is left. */
export function headProbabilities(
  options: readonly (string | null)[],
  said:
    | { label: string | null; confidence: number; alternatives: readonly { label: string; confidence: number }[] }
    | undefined,
): number[] {
  if (!said) return options.map(() => 1 / options.length);
  const named = new Map<string | null, number>(said.alternatives.map(({ label, confidence }) => [label, confidence]));
  named.set(said.label, said.confidence);
  const known = options.reduce((sum, option) => sum + (named.get(option) ?? 0), 0);
  const others = options.filter((option) => !named.has(option)).length;
  const rest = others === 0 ? 0 : Math.max(0, 1 - known) / others;
  const raw = options.map((option) => Math.max(named.get(option) ?? rest, 1e-4));
  const total = raw.reduce((sum, p) => sum + p, 0);
  return raw.map((p) => p / total);
}
