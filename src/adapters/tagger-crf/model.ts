import type { FieldMark } from '#domain/field-example.ts';
import type { TaggedField } from '#ports/sequence-tagger.ts';
import { featuresOf, type TokenFeatures } from './features.ts';
import { latticeOf, likeliestSpan, scoresOf, statesOf, stepsOf } from './lattice.ts';
import { tokensOf } from './tokens.ts';

export type Model = {
  fields: string[];
  /** Hash of the feature of each column. */
  hashes: Int32Array;
  /** columns × states */
  weights: Float32Array;
  /** As `transitionAt` places them. */
  transitions: Float32Array;
  /** What the log-odds of a place are multiplied by. */
  sharpness: number;
};

export type Tag = (text: string, hints?: readonly FieldMark[]) => TaggedField[];

/** Columns of the features that the index knows; a word it does not know is rare, and says so. */
export function columnsOf(features: readonly TokenFeatures[], index: ReadonlyMap<number, number>): Int32Array[] {
  return features.map(({ word, all, rare }) => {
    const own = index.get(word);
    const columns: number[] = own === undefined ? [] : [own];
    for (const feature of own === undefined ? [...all, ...rare] : all) {
      const column = index.get(feature);
      if (column !== undefined) columns.push(column);
    }
    return Int32Array.from(columns);
  });
}

export function createTag({ fields, hashes, weights, transitions, sharpness }: Model): Tag {
  const index = new Map<number, number>();
  for (const [column, hash] of hashes.entries()) index.set(hash, column);
  const states = statesOf(fields.length);
  const steps = stepsOf(transitions);
  return (text, hints) => {
    const tokens = tokensOf(text);
    if (tokens.length === 0) return [];
    const rows = columnsOf(featuresOf(tokens, hints), index);
    const lattice = latticeOf(scoresOf(rows, weights, states), steps, fields.length);
    return fields.flatMap((field, i) => {
      const span = likeliestSpan(lattice, i);
      if (!span) return [];
      const [start, end] = [tokens[span.first]!.start, tokens[span.last]!.end];
      return [
        { field, start, end, source: text.slice(start, end), confidence: sharpened(span.probability, sharpness) },
      ];
    });
  };
}

/** Keeps what is above one half above it, so that of two places that overlap at most one is. */
export function sharpened(probability: number, sharpness: number): number {
  const p = Math.min(1 - 1e-9, Math.max(1e-9, probability));
  return 1 / (1 + ((1 - p) / p) ** sharpness);
}
