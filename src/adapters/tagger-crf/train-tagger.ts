import type { FieldSkill } from '#domain/extraction.ts';
import type { FieldExample } from '#domain/field-example.ts';
import { type HeldOut, judge, sharpnessOf } from './calibration.ts';
import { featuresOf, type TokenFeatures } from './features.ts';
import { fit } from './fit.ts';
import { markStates, statesOf } from './lattice.ts';
import { columnsOf, createTag, type Model, sharpened } from './model.ts';
import { settings } from './settings.ts';
import { type Token, tokensOf } from './tokens.ts';

type Prepared = { example: FieldExample; features: TokenFeatures[]; states: Uint16Array };

export type Trained = { model: Model; examples: number; byField: Record<string, FieldSkill> | undefined };

/** Fields that are marked often enough to learn them, in the order of the form. */
export function learnable(examples: readonly FieldExample[], fields: readonly string[]): string[] {
  const marks = new Map<string, number>();
  for (const example of examples)
    for (const name of new Set(example.fields.map((mark) => mark.name))) marks.set(name, (marks.get(name) ?? 0) + 1);
  return fields.filter((name) => (marks.get(name) ?? 0) >= settings.minMarks);
}

/** Trains on the examples, after it has measured by what it held out how sure such a tagger may be. Deterministic. */
export function trainTagger(examples: readonly FieldExample[], fields: string[]): Trained {
  const prepared = prepare(examples, fields);
  const model = modelOf(prepared, fields);
  if (prepared.length < settings.minHeldOut) return { model, examples: prepared.length, byField: undefined };
  const held = heldOut(prepared, fields);
  model.sharpness = sharpnessOf(held);
  const byField = Object.fromEntries(
    fields.map((name) => {
      const own = held.filter(({ field }) => field === name);
      return [name, judge(own.map((one) => ({ ...one, confidence: sharpened(one.confidence, model.sharpness) })))];
    }),
  );
  return { model, examples: prepared.length, byField };
}

/** The newest examples within the budget, in their order. */
function prepare(examples: readonly FieldExample[], fields: readonly string[]): Prepared[] {
  const prepared: Prepared[] = [];
  let left = settings.tokens;
  for (let i = examples.length - 1; i >= 0; i--) {
    const tokens = tokensOf(examples[i]!.text);
    left -= tokens.length;
    if (left < 0) break;
    prepared.push(prepareOne(examples[i]!, tokens, fields));
  }
  return prepared.reverse();
}

function prepareOne(example: FieldExample, tokens: Token[], fields: readonly string[]): Prepared {
  const marks = example.fields.flatMap(({ name, start, end }) => {
    const field = fields.indexOf(name);
    return field === -1 ? [] : [{ field, start, end }];
  });
  return { example, features: featuresOf(tokens, example.hints), states: markStates(tokens, marks) };
}

function modelOf(prepared: readonly Prepared[], fields: string[]): Model {
  const states = statesOf(fields.length);
  const index = indexOf(prepared, Math.floor(settings.weights / states));
  const sequences = prepared.map(({ features, states }) => ({ columns: columnsOf(features, index), states }));
  return { fields, hashes: Int32Array.from(index.keys()), ...fit(sequences, index.size, fields.length), sharpness: 1 };
}

/** Feature to column, the features of most texts first. */
function indexOf(prepared: readonly Prepared[], most: number): Map<number, number> {
  const texts = new Map<number, number>();
  for (const { features } of prepared) {
    const own = new Set(features.flatMap(({ word, all, rare }) => [word, ...all, ...rare]));
    for (const feature of own) texts.set(feature, (texts.get(feature) ?? 0) + 1);
  }
  const kept = [...texts].filter(([, count]) => count >= settings.minTexts).sort((a, b) => b[1] - a[1] || a[0] - b[0]);
  return new Map(kept.slice(0, most).map(([feature], column) => [feature, column]));
}

/** What taggers that have not seen a text find in it. */
function heldOut(prepared: readonly Prepared[], fields: string[]): HeldOut[] {
  const held: HeldOut[] = [];
  const each = prepared.length / settings.folds;
  const folds = Math.max(1, Math.min(settings.folds, Math.ceil(settings.heldOut / each)));
  for (let fold = 0; fold < folds; fold++) {
    const model = modelOf(
      prepared.filter((_, i) => i % settings.folds !== fold),
      fields,
    );
    const tag = createTag(model);
    for (const [i, { example }] of prepared.entries()) {
      if (i % settings.folds !== fold) continue;
      const found = tag(example.text, example.hints);
      for (const field of fields)
        held.push(
          compare(
            field,
            example,
            found.find((one) => one.field === field),
          ),
        );
    }
  }
  return held;
}

function compare(
  field: string,
  example: FieldExample,
  found: { start: number; end: number; confidence: number } | undefined,
): HeldOut {
  const marked = example.fields.filter(({ name }) => name === field);
  const isMarked = (place: { start: number; end: number }) =>
    marked.some(({ start, end }) => start === place.start && end === place.end);
  const hint = example.hints?.find(({ name }) => name === field);
  return {
    field,
    marked: marked.length > 0,
    confidence: found?.confidence ?? 0,
    right: found !== undefined && isMarked(found),
    hint: hint && (isMarked(hint) ? 'right' : 'wrong'),
  };
}
