import type { FieldSpec, FieldType, IntelligenceSpec } from './intelligence.ts';
import { isForModel } from './prompt/extract.ts';
import type { Part, TrailEntry, Understanding } from './response.ts';

/**
 * What the cheap tiers leave to a language model, part by part.
 *
 * | part     | the model is asked when                                                                                       |
 * | -------- | ------------------------------------------------------------------------------------------------------------- |
 * | classify | the head abstained and the model was measured to help on this form; or there are no examples, and no other way |
 * | extract  | a field is missing that neither rules find surely nor the tagger knows well                                   |
 * | respond  | a draft is wanted                                                                                             |
 */
export type ModelTrust = 'useful' | 'no-gain' | 'not-measured' | 'nothing-to-measure';

export type CascadeFacts = {
  /** Why there is no model to ask; undefined where there is one. */
  noModel: 'no-model' | 'model-unavailable' | undefined;
  trust: ModelTrust;
  /** Fields that the form's tagger finds reliably: what it does not find is not there. */
  known: ReadonlySet<string>;
};

export function leftToModel(
  spec: IntelligenceSpec,
  understanding: Understanding,
  facts: CascadeFacts,
): { parts: Part[]; trail: TrailEntry[] } {
  const parts: Part[] = [];
  const trail: TrailEntry[] = [];
  const consider = (part: Part, why: string | undefined) => {
    if (why === undefined && facts.noModel === undefined) parts.push(part);
    else trail.push({ part, tier: 'llm', outcome: why ?? facts.noModel! });
  };
  const noText = (part: Part) => understanding.skipped?.[part] === 'no-text';
  if (spec.classify && !noText('classify')) consider('classify', whyNotClassify(understanding, facts));
  if (spec.extract && !noText('extract'))
    consider('extract', missingFields(spec, understanding, facts.known).length === 0 ? 'not-needed' : undefined);
  if (spec.respond) consider('respond', undefined);
  return { parts, trail };
}

function whyNotClassify({ classify }: Understanding, { trust, noModel }: CascadeFacts): string | undefined {
  if (classify && !classify.needsReview) return 'not-needed';
  if (noModel !== undefined) return undefined;
  return trust === 'no-gain' || trust === 'not-measured' ? trust : undefined;
}

/** Rules find these wherever they stand: a model could only make them up. */
const rulesSuffice: ReadonlySet<FieldType> = new Set(['email', 'phone', 'iban', 'url']);

/** The fields that a model may be asked for. */
export function missingFields(
  spec: IntelligenceSpec,
  { extract }: Understanding,
  known: ReadonlySet<string>,
): FieldSpec[] {
  return (spec.extract?.fields ?? []).filter(
    (field) =>
      extract?.fields[field.name] === undefined &&
      isForModel(field) &&
      !rulesSuffice.has(field.type) &&
      !known.has(field.name),
  );
}
