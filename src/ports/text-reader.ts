import type { FieldSpec } from '#domain/intelligence.ts';
import type { PersonalSpan } from '#domain/personal.ts';
import type { ExtractedValue, ExtractionContext } from './field-extractor.ts';

/**
 * Text reader: the rules of a FieldExtractor, off the request path. Values are exact and grounded: `texts[value.text].slice(start, end) === source`.
 * Errors: rejects when its thread has died, and when a text takes longer than any honest text does; other readings go on in a new thread.
 */
export interface TextReader {
  read(texts: string[], fields: FieldSpec[], context: Omit<ExtractionContext, 'language'>): Promise<Reading>;
  close(): Promise<void>;
}

export type Reading = {
  /** ISO 639-1, undefined when it cannot be told. */
  language: string | undefined;
  /** The first place each field was found at; `text` is the index of the text. */
  fields: Record<string, ExtractedValue & { text: number }>;
  /** Everything that says who somebody is, in the order of the texts; without the words themselves. */
  personal: (PersonalSpan & { text: number })[];
};
