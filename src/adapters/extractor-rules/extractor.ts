import type {
  ExtractedValue,
  ExtractionContext,
  FieldExtractor,
  FieldSpec,
  FieldType,
} from '#ports/field-extractor.ts';
import { assign, type Candidate, nearness, toCandidates } from './fields/assign.ts';
import { findEnumValues } from './fields/enum.ts';
import { type Hints, hintsOf } from './fields/hints.ts';
import { findGroups, isOfSome, isPartOfGroup, peopleCue, withNoun } from './fields/people.ts';
import { findPersons, partOfName } from './fields/person.ts';
import { detectLanguage } from './language.ts';
import { createPersonal } from './personal/personal.ts';
import { createReader, type Reader, type Reading } from './reading.ts';
import type { Found } from './text/found.ts';
import { isFreeStanding } from './text/free-standing.ts';

/** Only the first 20,000 UTF-16 units of a text are read: about ten pages, and a bound on the time one text can take. */
export const MAX_TEXT_UNITS = 20_000;

/** More numbers than this are a table; the first ones are weighed. */
const MAX_NUMBERS = 400;

type Field = { spec: FieldSpec; hints: Hints };

/**
 * Values that need no model: exact rules, each value where it stands in the text. Pure and deterministic: the clock is `context.now`, and the
 * same input gives the same output. Types `text`, `place` and `organisation` are never found, `person` only after an introduction.
 * `context.language` decides how 03/04 and 1.234 are read; without it the language is detected.
 * Libraries are loaded at the first text that needs them. Errors: none.
 */
export function createRulesExtractor(): FieldExtractor {
  const reader = createReader();
  return {
    extract: (text, specs, context) => extract(reader, text, specs, context),
    language: detectLanguage,
    personal: createPersonal(reader, MAX_TEXT_UNITS),
  };
}

function extract(
  reader: Reader,
  whole: string,
  specs: FieldSpec[],
  context: ExtractionContext,
): Record<string, ExtractedValue> {
  const text = whole.slice(0, MAX_TEXT_UNITS);
  const fields = specs.map((spec) => ({ spec, hints: hintsOf(spec) }));
  const wanted = new Set(specs.map((spec) => spec.type));
  const readsLanguage = wanted.has('number') || wanted.has('date') || wanted.has('money') || wanted.has('time');
  const language = context.language?.slice(0, 2).toLowerCase() ?? (readsLanguage ? detectLanguage(text) : undefined);
  const reading = reader(text, context, { wanted, language, bareHour: bareHourRule(fields) });
  const found = new Map<Field, Found>([
    ...assignPlain(fields, 'email', reading.emails, reading),
    ...assignPlain(fields, 'url', reading.urls, reading),
    ...assignPlain(fields, 'iban', reading.ibans, reading),
    ...assignPlain(fields, 'phone', reading.phones, reading),
    ...assignPlain(fields, 'money', reading.money, reading),
    ...assignPlain(fields, 'date', reading.dates, reading),
    ...assignPlain(fields, 'time', reading.times, reading),
    ...assignNumbers(fields, reading),
    ...assignEnums(fields, reading),
    ...assignPersons(fields, text),
  ]);
  const result: Record<string, ExtractedValue> = {};
  // Own keys in the order of the fields; a field called __proto__ must not reach the prototype.
  for (const field of fields) {
    const hit = found.get(field);
    if (!hit) continue;
    const value = field.spec.type === 'date' && field.hints.past ? (hit.past ?? hit.value) : hit.value;
    const extracted = { value, source: text.slice(hit.start, hit.end), start: hit.start, end: hit.end };
    Object.defineProperty(result, field.spec.name, {
      value: extracted,
      enumerable: true,
      configurable: true,
      writable: true,
    });
  }
  return result;
}

/** "7" alone is a time for a form that asks for no number, "2030" also beside a count of people; else it is the number. */
function bareHourRule(fields: Field[]): 'any' | 'clock' | 'no' {
  if (!fields.some(({ spec }) => spec.type === 'time')) return 'no';
  const numbers = fields.filter(({ spec }) => spec.type === 'number' || spec.type === 'money');
  if (numbers.length === 0) return 'any';
  return numbers.every(({ hints }) => hints.people) ? 'clock' : 'no';
}

function assignPlain(fields: Field[], type: FieldType, found: Found[], { folded }: Reading): Map<Field, Found> {
  const own = fields.filter(({ spec }) => spec.type === type);
  if (own.length === 0 || found.length === 0) return new Map();
  return assign(own, toCandidates(found, folded), folded.text, (field, candidate, previousEnd) =>
    nearness(candidate, previousEnd, folded.text, field.hints),
  );
}

/** "for 830", "for 1945": a time as well as a party. */
function isLikeClock(value: string): boolean {
  return /^(?:\d|1\d|2[0-3])[0-5]\d$/.test(value) && !value.endsWith('00');
}

type NumberCandidate = Candidate & { cue: 0 | 1 | 2; free: boolean; article: boolean; group: boolean };

/** The 5 of "4 out of 5" says how far the scale goes. */
function isScale({ start }: { start: number }, text: string): boolean {
  return /[\p{L}\p{N}] (?:out of|von|sur|su)(?: maximal)? $|\d(?: stars?| points?)? (?:of|de) $/u.test(
    text.slice(Math.max(0, start - 24), start),
  );
}

function numberCandidates({ folded, numbers }: Reading, withPeople: boolean): NumberCandidate[] {
  const { text } = folded;
  const groups = withPeople ? findGroups(folded, numbers) : [];
  const described = groups.map((group) => ({
    ...folded.toOriginal(group.start, group.end),
    value: String(group.count),
    foldedStart: group.start,
    foldedEnd: group.end,
    cue: 2 as const,
    free: true,
    article: false,
    group: true,
  }));
  const single = numbers
    .slice(0, MAX_NUMBERS)
    .filter((token) => !isScale(token, text))
    .filter((token) => !groups.some((group) => token.start < group.end && token.end > group.start))
    .map((token) => {
      const free = isFreeStanding(text, token.end);
      const cue = peopleCue(token, text, free);
      return {
        ...folded.toOriginal(token.start, token.end),
        value: token.value,
        foldedStart: token.start,
        foldedEnd: token.end,
        cue,
        free,
        article: token.weak === true,
        weak: withPeople && cue > 0 && isPartOfGroup(token, text),
        group: false,
      };
    });
  return [...described, ...single].sort((a, b) => a.start - b.start);
}

/**
 * Numbers go to the field whose words stand next to them. A field that counts people takes "4 people", "table for two", "me and my son";
 * another field leaves those alone. A number that counts some other word ("3 nights") is taken only by a field with that word or a general
 * name (quantity, number).
 */
function assignNumbers(fields: Field[], reading: Reading): Map<Field, Found> {
  const own = fields.filter(({ spec }) => spec.type === 'number');
  if (own.length === 0) return new Map();
  const { text } = reading.folded;
  const withPeople = own.some(({ hints }) => hints.people);
  const candidates = numberCandidates(reading, withPeople);
  const alone =
    text
      .replace(/[^\p{L}\p{N}]+/gu, ' ')
      .trim()
      .split(' ').length <= 3;
  const score = (field: Field, candidate: Candidate, previousEnd: number): number | undefined => {
    const { cue, free, article, group, weak, foldedStart: start, foldedEnd: end } = candidate as NumberCandidate;
    const near = nearness(candidate, previousEnd, text, field.hints);
    if (field.hints.people) {
      if (!/^\d{1,4}$/.test(candidate.value)) return undefined;
      if (cue === 1 && isLikeClock(candidate.value)) return undefined;
      if (!group && isOfSome({ start, end }, text)) return undefined;
      if (cue > 0 && weak) return 110;
      if (cue > 0) return cue === 2 ? 220 + (group ? 5 : 0) : 150;
      if (near > 0 && free) return near;
      return free && alone && !isLikeClock(candidate.value) ? 20 : undefined;
    }
    if (group) return undefined;
    if (near > 0) return near;
    if (article && text.trim().length > candidate.foldedEnd - candidate.foldedStart) return undefined;
    if (cue === 2 && withPeople) return undefined;
    if (field.hints.generic) return 10;
    return free && cue === 0 ? 5 : undefined;
  };
  const chosen = assign(own, candidates, text, score);
  for (const [field, candidate] of chosen) {
    const { cue, group } = candidate as NumberCandidate;
    if (!field.hints.people || cue !== 2 || group) continue;
    const span = withNoun({ start: candidate.foldedStart, end: candidate.foldedEnd }, text);
    chosen.set(field, { ...candidate, ...reading.folded.toOriginal(span.start, span.end) });
  }
  return chosen;
}

function assignEnums(fields: Field[], { folded }: Reading): Map<Field, Found> {
  const chosen = new Map<Field, Found>();
  for (const field of fields) {
    if (field.spec.type !== 'enum' || !field.spec.values?.length) continue;
    const candidates = toCandidates(findEnumValues(folded, field.spec.values), folded);
    const best = assign([field], candidates, folded.text, (own, candidate, previousEnd) =>
      nearness(candidate, previousEnd, folded.text, own.hints),
    );
    for (const [own, candidate] of best) chosen.set(own, candidate);
  }
  return chosen;
}

function assignPersons(fields: Field[], text: string): Map<Field, Found> {
  const own = fields.filter(({ spec }) => spec.type === 'person');
  const chosen = new Map<Field, Found>();
  if (own.length === 0) return chosen;
  const [first] = findPersons(text).sort((a, b) => a.start - b.start);
  if (!first) return chosen;
  for (const field of own) {
    const part = partOfName(first, field.hints);
    if (part) chosen.set(field, part);
  }
  return chosen;
}
