import type { FieldSkill } from '#domain/extraction.ts';
import type { FieldExample, FieldMark } from '#domain/field-example.ts';
import type { FieldSpec } from '#domain/intelligence.ts';

/**
 * Sequence tagger: learns from a form's own examples where its fields stand in a text, and says how sure it is.
 * Offsets are UTF-16 code units: `text.slice(start, end)` is the value as written.
 */
export type TaggerReport = {
  /** Texts learnt from. */
  examples: number;
  /** Cross-validated on the examples, by field, 0…1; undefined with too few examples to hold any out. */
  byField: Record<string, FieldSkill> | undefined;
  milliseconds: number;
};

export type TrainedTagger = { bytes: Uint8Array; sha256: string; fields: string[]; report: TaggerReport };

export type TaggerTraining =
  | ({ outcome: 'trained'; examplesSha256: string } & TrainedTagger)
  /** The examples are those of `seen`. */
  | { outcome: 'unchanged' }
  /** Fewer than `needed` examples hold a field. */
  | { outcome: 'too-few-examples'; examples: number; needed: number };

export type TaggedField = {
  field: string;
  start: number;
  end: number;
  source: string;
  /** Calibrated probability that exactly this place is right, 0…1. */
  confidence: number;
};

export type TaggerRef = { sha256: string; read: () => Promise<Uint8Array> };

export interface SequenceTagger {
  /**
   * Trains on the newest word on each text; `pages` is asked for the next page when the one before has been taken in, off the caller's thread.
   * Deterministic. Errors: rejects when a page does, and with its reason when `signal` aborts.
   */
  train(input: {
    pages: AsyncIterable<FieldExample[]>;
    fields: readonly FieldSpec[];
    seen?: string;
    signal?: AbortSignal;
  }): Promise<TaggerTraining>;

  /**
   * At most one place for each field and text, in the order of the texts, however unsure. `hints`: what the rules found, by text, as in the examples: a
   * tagger that was trained with them misses them. `read` is only called when the tagger is not in memory.
   */
  tag(input: {
    tagger: TaggerRef;
    texts: readonly string[];
    hints?: readonly (readonly FieldMark[])[];
  }): Promise<TaggedField[][]>;

  close(): Promise<void>;
}
