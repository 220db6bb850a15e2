import type { FieldSpec, FieldType } from '#domain/intelligence.ts';
import type { PersonalSpan } from '#domain/personal.ts';

/**
 * Field extractor: finds typed values in a text, each with the place it stands at.
 *
 * Offsets are UTF-16 code units into the text as given (what `String.slice` takes), so `text.slice(start, end) === source` always holds.
 */
export type { FieldSpec, FieldType };

export type ExtractedValue = {
  /** Normalised: `12.50 EUR`, `2026-11-22`, `19:30`, `+4930123456`, `https://…`, a lower-cased e-mail, one of `values`. */
  value: string;
  source: string;
  start: number;
  end: number;
};

export type ExtractionContext = {
  /** The submission's instant (epoch milliseconds) and zone: "tomorrow" is relative to them. */
  now: number;
  timeZone: string;
  /** ISO 639-1 code of the text when known: decides 03/04 and 1.234,5. */
  language?: string;
  /** ISO 3166 region for phone numbers without a country code. */
  region?: string;
};

export interface FieldExtractor {
  /** The values found, by field name; a field that is not in the text is absent, never guessed. */
  extract(text: string, fields: FieldSpec[], context: ExtractionContext): Record<string, ExtractedValue>;
  /** Everything in the text that says who somebody is, in order, nothing twice; what was not read counts as such. */
  personal(text: string, context: ExtractionContext): PersonalSpan[];
  /** ISO 639-1 code of the text's language, or undefined when it cannot be told. */
  language(text: string): string | undefined;
}
