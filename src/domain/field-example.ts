import { createHash } from 'node:crypto';
import { canonicalJson } from './canonical-json.ts';
import type { Issue } from './errors.ts';
import { below } from './form/checks.ts';
import type { FieldSpec, FieldType } from './intelligence.ts';
import type { ExtractedField } from './response.ts';

/** A place in a text that belongs to a field. Offsets are UTF-16 code units into the text. */
export type FieldMark = { name: string; start: number; end: number };

/**
 * A text whose fields somebody has marked; a field that is not named is not in the text. `hints`: what the rules found in it, right or wrong, by the
 * name of the field they found it for.
 */
export type FieldExample = { text: string; fields: FieldMark[]; hints?: FieldMark[] };

export type FieldLesson = {
  examples: FieldExample[];
  /** Changes whenever one example, mark, hint or field more, less or different would change the tagger. */
  sha256: string;
};

/**
 * Gathers what a tagger learns from: the newest word on each text, where its text first stood. Marks of fields that the form does not have any more are
 * left out. Holds every text once: not for a thread that serves.
 */
export function createFieldLesson(fields: readonly string[]) {
  const byText = new Map<string, FieldExample>();
  const known = new Set(fields);
  return {
    add(items: readonly FieldExample[]): void {
      for (const item of items) byText.set(item.text, item);
    },
    finish(): FieldLesson {
      const hash = createHash('sha256').update(canonicalJson([...fields]));
      const examples = [...byText.values()].map((example) => ({
        ...example,
        fields: example.fields.filter(({ name }) => known.has(name)),
      }));
      for (const example of examples) hash.update(`\n${canonicalJson(example)}`);
      return { examples, sha256: hash.digest('hex') };
    },
  };
}

/** Fields as an upload gives them: the value as written, or the places. */
export type GivenFields = Record<string, string> | FieldMark[];

/** The places of given fields in the text, or what is wrong with them; pointers begin at `fields`. */
export function markFields(
  text: string,
  given: GivenFields,
  names: readonly string[],
): { marks: FieldMark[]; issues: Issue[] } {
  const marks: FieldMark[] = [];
  const issues: Issue[] = [];
  const unknown = (name: string) => `The form extracts no field ${JSON.stringify(name.slice(0, 100))}.`;
  const entries = Array.isArray(given)
    ? given.map((mark, i) => ({
        name: mark.name,
        pointer: `/fields/${i}`,
        place: inText(text, mark) ? mark : undefined,
      }))
    : Object.entries(given).map(([name, value]) => ({
        name,
        pointer: below('/fields', name.slice(0, 100)),
        place: placeOf(text, value),
      }));
  for (const { name, pointer, place } of entries) {
    if (!names.includes(name)) issues.push({ pointer, code: 'unknown-field', detail: unknown(name) });
    else if (place) marks.push({ name, start: place.start, end: place.end });
    else if (Array.isArray(given)) {
      const detail = `start and end must enclose a part of the text, which has ${text.length} UTF-16 code units.`;
      issues.push({ pointer, code: 'out-of-range', detail });
    } else issues.push({ pointer, code: 'not-in-text', detail: 'The value does not stand in the text so.' });
  }
  return { marks, issues };
}

const inText = (text: string, { start, end }: FieldMark): boolean =>
  start < end && end <= text.length && text.slice(start, end).trim() !== '';

/** Where the value stands in the text: the first place in which it is no part of a longer word or number, else the first of all. */
export function placeOf(text: string, value: string): { start: number; end: number } | undefined {
  if (value.trim() === '') return undefined;
  const first = text.indexOf(value);
  for (let start = first; start !== -1; start = text.indexOf(value, start + 1)) {
    const end = start + value.length;
    if (!joined(text.slice(Math.max(0, start - 2), start), value) && !joined(value, text.slice(end, end + 2)))
      return { start, end };
  }
  return first === -1 ? undefined : { start: first, end: first + value.length };
}

const joined = (before: string, behind: string): boolean =>
  /[\p{L}\p{N}]$/u.test(before) && /^[\p{L}\p{N}]/u.test(behind);

/** Types whose normal form is what stands in the text. */
const literal: ReadonlySet<FieldType> = new Set(['text', 'person', 'place', 'organisation', 'email', 'url', 'enum']);

type Text = { question: string; text: string };

/**
 * What a review teaches the tagger, by text: fields that the person named stand where their value was found, those left alone where the machine saw them.
 * A field whose place cannot be told makes the whole review teach nothing: without a mark it would teach that the field is not there. Nor does it
 * where fields are left alone that no machine has read.
 */
export function reviewedFields(input: {
  specs: readonly FieldSpec[];
  texts: readonly Text[];
  extracted: Readonly<Record<string, ExtractedField>> | undefined;
  corrected: Readonly<Record<string, string>>;
}): FieldExample[] {
  const examples = input.texts.map(({ text }): FieldExample => ({ text, fields: [] }));
  for (const { name, type } of input.specs) {
    const value = Object.hasOwn(input.corrected, name) ? input.corrected[name] : undefined;
    const machine = seenPlace(input.texts, input.extracted, name);
    if (value === '') continue;
    if (value === undefined && input.extracted === undefined) return [];
    const place = value === undefined || value === machine?.value ? machine : literalPlace(input.texts, type, value);
    if (place) examples[place.text]!.fields.push({ name, start: place.start, end: place.end });
    else if (value !== undefined) return [];
  }
  return examples;
}

type Place = { text: number; start: number; end: number };

function seenPlace(
  texts: readonly Text[],
  extracted: Readonly<Record<string, ExtractedField>> | undefined,
  name: string,
): (Place & { value: string }) | undefined {
  if (!extracted || !Object.hasOwn(extracted, name)) return undefined;
  const { value, question, source, start, end } = extracted[name]!;
  const text = texts.findIndex((one) => one.question === question);
  return texts[text]?.text.slice(start, end) === source ? { text, start, end, value } : undefined;
}

function literalPlace(texts: readonly Text[], type: FieldType, value: string): Place | undefined {
  if (!literal.has(type)) return undefined;
  for (const [text, one] of texts.entries()) {
    const place = placeOf(one.text, value);
    if (place) return { text, ...place };
  }
  return undefined;
}
