import type { FieldSpec } from '#domain/intelligence.ts';
import type { ExtractedField } from '#domain/response.ts';
import type { TextReader } from '#ports/text-reader.ts';
import { groundIn, isPlausible, type Named } from './extract.ts';

type Deps = { reader: Pick<TextReader, 'read'>; timeZone: string; region: string | undefined };
type Text = { question: string; text: string };

/** Why a value that a model named does not stand. */
export type Dropped = 'not-grounded' | 'wrong-type';

/** Of the values that a model named those that stand in the texts, with their places, and why the others do not. `now`: when the texts were sent. */
export async function groundFields(
  deps: Deps,
  fields: readonly FieldSpec[],
  named: Named,
  texts: readonly Text[],
  now: number,
): Promise<{ added: Record<string, ExtractedField>; dropped: Dropped[] }> {
  const added: Record<string, ExtractedField> = {};
  const dropped: Dropped[] = [];
  for (const field of fields) {
    const value = named[field.name];
    if (value == null) continue;
    const grounded = await groundedField(deps, field, value, texts, now);
    if (typeof grounded === 'string') dropped.push(grounded);
    else added[field.name] = grounded;
  }
  return { added, dropped };
}

async function groundedField(
  deps: Deps,
  field: FieldSpec,
  value: string,
  texts: readonly Text[],
  now: number,
): Promise<ExtractedField | Dropped> {
  for (const { question, text } of texts) {
    const place = groundIn(text, value);
    if (!place) continue;
    const source = text.slice(place.start, place.end);
    if (!isPlausible(field, source)) return 'wrong-type';
    const marks = { question, tier: 'llm' as const, needsReview: true as const };
    if (isWords(field)) return { value: source, source, ...place, ...marks };
    const read = await readValue(deps, field, source, now);
    if (!read) return 'wrong-type';
    const [start, end] = [place.start + read.start, place.start + read.end];
    return { value: read.value, source: text.slice(start, end), start, end, ...marks };
  }
  return 'not-grounded';
}

/** By the rules that read values everywhere: its normal form, and where in the source it stands, since a model likes to name more than it was asked for. */
async function readValue({ reader, timeZone, region }: Deps, field: FieldSpec, source: string, now: number) {
  const { fields } = await reader.read([source], [field], { now, timeZone, region });
  return fields[field.name];
}

/** In the normal form of its type. */
export async function normalised(
  deps: Deps,
  field: FieldSpec,
  source: string,
  now: number,
): Promise<string | undefined> {
  return isWords(field) ? source : (await readValue(deps, field, source, now))?.value;
}

/** Whether a value of the field is kept as it was written. */
export const isWords = ({ type }: FieldSpec): boolean =>
  type === 'text' || type === 'person' || type === 'place' || type === 'organisation';
