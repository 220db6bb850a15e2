import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { LabelledText } from '#ports/text-classifier.ts';

/** Rows of a CSV file with a header `text,category` (RFC 4180 quoting). */
function readCsv(file: string): LabelledText[] {
  const rows: string[][] = [];
  let row: string[] = [];
  // A quoted or a bare cell, and what ends it.
  for (const [, quoted, bare, end] of readFileSync(file, 'utf8').matchAll(
    /(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r?\n|$)/g,
  )) {
    row.push(quoted === undefined ? (bare ?? '') : quoted.replaceAll('""', '"'));
    if (end === ',') continue;
    if (row.length === 2) rows.push(row);
    row = [];
  }
  return rows.slice(1).map(([text, label]) => ({ text: text!, label: label! }));
}

export function readBanking77(folder: string): { train: LabelledText[]; dev: LabelledText[] } {
  return {
    train: readCsv(join(folder, 'banking77', 'train.csv')),
    dev: readCsv(join(folder, 'banking77', 'dev.csv')),
  };
}

/** The first `count` texts of each label, in file order. */
export function firstOfEach(examples: readonly LabelledText[], count: number): LabelledText[] {
  const taken = new Map<string, number>();
  return examples.filter(({ label }) => {
    const before = taken.get(label) ?? 0;
    taken.set(label, before + 1);
    return before < count;
  });
}

export type Clinc = {
  train: LabelledText[];
  validation: LabelledText[];
  noneTrain: string[];
  noneValidation: string[];
};

export function readClinc(folder: string): Clinc {
  type Pairs = [text: string, label: string][];
  const parts = JSON.parse(readFileSync(join(folder, 'clinc', 'dev.json'), 'utf8')) as Record<string, Pairs>;
  const labelled = (name: string) => parts[name]!.map(([text, label]) => ({ text, label }));
  const texts = (name: string) => parts[name]!.map(([text]) => text);
  return {
    train: labelled('train'),
    validation: labelled('val'),
    noneTrain: texts('oos_train'),
    noneValidation: texts('oos_val'),
  };
}

/** Two halves: the rows at even and at odd places. */
export function halves<T>(rows: readonly T[]): [T[], T[]] {
  return [rows.filter((_, i) => i % 2 === 0), rows.filter((_, i) => i % 2 === 1)];
}
