import type { FieldSpec, FieldType } from './intelligence.ts';

/** A value of a field and where it stands. `text`: index of the text; offsets are UTF-16 code units into it. */
export type FoundField = { value: string; source: string; start: number; end: number; text: number };

/** Where a tagger says that a field stands; what it says there is not yet a value. */
export type TaggedPlace = Omit<FoundField, 'value'> & { field: string; confidence: number };

/** What is known of a form's tagger for one field, from examples that it had not seen, 0…1. */
export type FieldSkill = {
  /** Of the places found with `threshold` or more confidence, those that are right to the letter. */
  precision: number;
  recall: number;
  f1: number;
  /** Texts in which the field is marked. */
  support: number;
  /** Confidence from which on nine of ten places were right; between 0.5 and 0.95. */
  threshold: number;
  /** Of the places that the rules found for this field, those that are right to the letter; undefined where they found none. */
  rulesPrecision: number | undefined;
};

type Skill = Pick<FieldSkill, 'precision' | 'threshold' | 'rulesPrecision'>;

export type JoinedField = FoundField & { tier: 'rules' | 'tagger'; confidence?: number };

// A tagger that has learnt from too few examples to measure it is believed only when it is sure; of two answers the rules' counts.
const unmeasured: Skill = { precision: 0, threshold: 0.8, rulesPrecision: undefined };

const asWritten: ReadonlySet<FieldType> = new Set(['text', 'person', 'place', 'organisation']);

export type Cascade = {
  specs: readonly FieldSpec[];
  rules: Readonly<Record<string, FoundField>>;
  /** Of all texts, in their order. */
  tagged: readonly TaggedPlace[];
  /** By field; undefined where nothing was measured. */
  skills: Readonly<Record<string, Skill>> | undefined;
};

/** Of each field the surest place, where that is sure enough. Of places that are equally sure the first counts. */
function surePlaces({ specs, tagged, skills }: Cascade): { spec: FieldSpec; skill: Skill; place: TaggedPlace }[] {
  return specs.flatMap((spec) => {
    const skill = own(skills, spec.name) ?? unmeasured;
    let best: TaggedPlace | undefined;
    for (const place of tagged) {
      if (place.field !== spec.name || place.confidence < skill.threshold) continue;
      if (!best || place.confidence > best.confidence) best = place;
    }
    return best ? [{ spec, skill, place: best }] : [];
  });
}

/** Sources that the rules must read as a value of the field, each alone, before the tiers can be joined. */
export function placesToRead(cascade: Cascade): { spec: FieldSpec; source: string }[] {
  return surePlaces(cascade)
    .filter(({ spec, place }) => !asWritten.has(spec.type) && !sameText(own(cascade.rules, spec.name), place))
    .map(({ spec, place }) => ({ spec, source: place.source }));
}

/**
 * What rules and tagger find together. Where both answer, the one counts that was right more often on this form and field; a tie is the tagger's. A place
 * that the rules found too has the value that they read in its sentence ("dinner at 7"); any other has the one they read in it alone (`values`, by field).
 * A place that no value of its type can be read in is dropped and counted, and leaves the rules' answer standing.
 */
export function joinFields(cascade: Cascade & { values: Readonly<Record<string, string | undefined>> }): {
  fields: Record<string, JoinedField>;
  dropped: number;
} {
  const { specs, rules, values } = cascade;
  const sure = new Map(surePlaces(cascade).map((one) => [one.spec.name, one]));
  const fields: [string, JoinedField][] = [];
  let dropped = 0;
  for (const { name } of specs) {
    const ruled = own(rules, name);
    const found = sure.get(name);
    const value = found && valueAt(found.spec, found.place, ruled, own(values, name));
    if (found && value === undefined) dropped++;
    const better = found && found.skill.precision > 0 && found.skill.precision >= (found.skill.rulesPrecision ?? 0);
    if (found && value !== undefined && (better || !ruled)) {
      const { field: _, ...place } = found.place;
      fields.push([name, { ...place, value, tier: 'tagger' }]);
    } else if (ruled) fields.push([name, { ...ruled, tier: 'rules' }]);
  }
  return { fields: Object.fromEntries(fields), dropped };
}

function valueAt(
  spec: FieldSpec,
  place: TaggedPlace,
  ruled: FoundField | undefined,
  read: string | undefined,
): string | undefined {
  if (asWritten.has(spec.type)) return place.source;
  return sameText(ruled, place) ? ruled!.value : read;
}

/** Whether the rules read their value in this place, or in a part of it. */
const sameText = (ruled: FoundField | undefined, place: TaggedPlace): boolean =>
  ruled !== undefined && ruled.text === place.text && ruled.start < place.end && place.start < ruled.end;

function own<T>(record: Readonly<Record<string, T>> | undefined, name: string): T | undefined {
  return record && Object.hasOwn(record, name) ? record[name] : undefined;
}
