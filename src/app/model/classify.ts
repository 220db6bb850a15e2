import type { LabelSpec } from '#domain/intelligence.ts';
import { best, headProbabilities, jointProbabilities, type ModelFit } from '#domain/model-fit.ts';
import { classifyPrompt, classifyText, mostOptions, type Option, optionsOf } from '#domain/prompt/classify.ts';
import type { ClassifyResult } from '#domain/response.ts';
import type { TextModel } from '#ports/text-model.ts';
import type { Asked, ModelCalls } from './calls.ts';

/** What a cheaper tier said of the label. */
export type Said = Pick<ClassifyResult, 'label' | 'confidence' | 'alternatives'>;

export type Classify = { labels: readonly LabelSpec[]; allow_none?: boolean };

/** The options a model chooses among: all of a form's, or, of more than it can tell apart, those that the cheaper tiers named. */
export function optionsFor(spec: Classify, said: Said | undefined): Option[] {
  const names = spec.labels.map(({ name }) => name);
  const none = spec.allow_none === true;
  if (hasFixedOptions(spec)) return optionsOf(names, none);
  const likely = new Set<string>();
  for (const label of [said?.label, ...(said?.alternatives.map((other) => other.label) ?? [])])
    if (label != null) likely.add(label);
  const named = names.filter((name) => likely.has(name));
  // Nobody has named any: then the model sees the first ones, and a person decides.
  return optionsOf(named.length < 2 ? names.slice(0, mostOptions - 1) : named, none);
}

/** The model's probabilities of the options. */
export function askForLabel(
  deps: { calls: ModelCalls; textModel: Pick<TextModel, 'score'> },
  spec: Classify,
  options: readonly Option[],
  message: string,
  limits: { timeMs: number; signal: AbortSignal },
): Promise<Asked<number[]>> {
  const prompt = classifyText(
    options,
    new Map(spec.labels.map(({ name, description }) => [name, description])),
    message,
  );
  return deps.calls.ask({
    part: 'classify',
    prompt: classifyPrompt,
    input: { ...prompt },
    ...limits,
    call: async (budget) => {
      const letters = options.map(({ letter }) => letter);
      const { probabilities, model, usage } = await deps.textModel.score({ ...prompt, options: letters }, budget);
      return { value: probabilities, model, usage };
    },
  });
}

/** Whether every text is asked about the same options. */
export const hasFixedOptions = ({ labels, allow_none }: Classify): boolean =>
  labels.length + (allow_none ? 1 : 0) <= mostOptions;

/**
 * The verdict of model and head together. Without a measurement on this form's examples nobody knows what the model's word is worth: then it stands as a
 * proposal, and a person is asked.
 */
export function jointVerdict(
  options: readonly Option[],
  said: Said | undefined,
  probabilities: readonly number[],
  fit: ModelFit | undefined,
): Omit<ClassifyResult, 'provenance'> {
  const labels = options.map(({ label }) => label);
  const fitted = fit !== undefined && (fit.labels.length === 0 || sameLabels(fit.labels, labels));
  const joint = fitted
    ? jointProbabilities(headProbabilities(labels, said), probabilities, fit)
    : jointProbabilities(headProbabilities(labels, said), probabilities, {
        bias: [],
        headWeight: 1,
        modelWeight: 1,
      });
  const found = best(joint);
  const alternatives = labels
    .map((label, i) => ({ label, confidence: joint[i]! }))
    .filter((other, i): other is { label: string; confidence: number } => i !== found && other.label !== null)
    .sort((a, b) => b.confidence - a.confidence)
    .slice(0, 3)
    .map(({ label, confidence }) => ({ label, confidence: rounded(confidence) }));
  return {
    label: labels[found]!,
    confidence: rounded(joint[found]!),
    tier: 'llm',
    needsReview: !fitted || !fit.useful || joint[found]! < fit.threshold,
    alternatives,
  };
}

const sameLabels = (a: readonly (string | null)[], b: readonly (string | null)[]): boolean =>
  a.length === b.length && a.every((label, i) => label === b[i]);

const rounded = (probability: number): number => Math.round(probability * 10_000) / 10_000;
