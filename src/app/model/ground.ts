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
    const normal = await normalised(deps, field, source, now);
    return normal === undefined
      ? 'wrong-type'
      : { value: normal, source, ...place, question, tier: 'llm', needsReview: true };
  }
  return 'not-grounded';
}

/** In the normal form of its type, by the rules that read values everywhere. */
export async function normalised(
  { reader, timeZone, region }: Deps,
  field: FieldSpec,
  source: string,
  now: number,
): Promise<string | undefined> {
  if (isWords(field)) return source;
  const { fields } = await reader.read([source], [field], { now, timeZone, region });
  return fields[field.name]?.value;
}

/** Whether a value of the field is kept as it was written. */
export const isWords = ({ type }: FieldSpec): boolean =>
  type === 'text' || type === 'person' || type === 'place' || type === 'organisation';
