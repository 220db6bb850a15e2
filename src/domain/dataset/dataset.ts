import type { ExportColumn } from '../export-rows.ts';

/**
 * The exported files of one form. Terminology
 * - **partition**: the responses of a day of submission, or of a month whose days were merged, in two files with the same rows: Parquet and JSON lines.
 * - **manifest**: this document, and its copy beside the files. Who reads the files reads those that it names, and no other.
 */
export type Dataset = {
  /** The form's. */
  id: string;
  /** Counts the manifests. */
  version: number;
  /** Every change of a response up to this number of the change feed is in the files. */
  completeTo: number;
  /** In the order of their days, which do not overlap. */
  partitions: Partition[];
  /** Of the newest version of the form; the files of an older partition may lack the later ones. */
  columns: ExportColumn[];
  /** The manifest that an `export.ready` has last told of; the partitions of later ones are still to be told. */
  announced: number;
  /** All files are being written anew, for this task: what a manifest after `above` has brought is done. */
  rebuild?: { taskId: string; above: number };
  /** Files of earlier manifests: whoever has just read one of those may still open them. */
  retired: { name: string; at: number }[];
  updatedAt: number;
  /** Ids of the tasks whose effect this document already holds (the newest 20). */
  applied: string[];
};

export type Partition = {
  /** Days `YYYY-MM-DD`, both taken in. */
  from: string;
  to: string;
  rows: number;
  /** Answers that did not fit the type of their column and became null. */
  misfits: number;
  /** Changes of the days' responses up to this number of the feed are in it. */
  completeTo: number;
  /** The manifest that named it first. */
  manifest: number;
  /** Newest version of the form whose columns it has. */
  formVersion: number;
  /** Questions whose answers were kept out of it, as a hash: one more, and it is written again. */
  withheld: string;
  parquet: DatasetFile;
  jsonl: DatasetFile;
};

/** `name`: in the area of the dataset. */
export type DatasetFile = { name: string; bytes: number; sha256: string };

/** Where the files of a form are, in the store of files. */
export const datasetArea = (formId: string): string => `dataset.${formId.toLowerCase()}`;

export const isDatasetArea = (area: string): boolean => area.startsWith('dataset.');

export const manifestName = 'manifest.json';

/** `mark`: of the attempt that writes it. A file never changes, so a reader never sees half of one and half of another. */
export function partitionFile(
  span: { from: string; to: string },
  mark: string,
  ending: 'parquet' | 'jsonl.gz',
): string {
  const days = span.from === span.to ? span.from : `${span.from}.${span.to}`;
  return `${days}.${mark}.${ending}`;
}

export const filesOf = (partitions: readonly Partition[]): DatasetFile[] =>
  partitions.flatMap(({ parquet, jsonl }) => [parquet, jsonl]);
