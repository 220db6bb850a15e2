import type { ExportMask } from './mask.ts';

export const exportFormats = ['parquet', 'jsonl', 'csv'] as const;
export type ExportFormat = (typeof exportFormats)[number];

export type Export = {
  id: string;
  /** All forms when absent (only jsonl and csv of the common columns). */
  formId: string | undefined;
  format: ExportFormat;
  /** Absent in documents of before there was one: `none`. */
  mask?: ExportMask;
  from: number | undefined;
  to: number | undefined;
  status: 'pending' | 'ready' | 'failed';
  taskId: string;
  /** Name in the blob store, once ready. */
  file: string | undefined;
  rows: number | undefined;
  bytes: number | undefined;
  sha256: string | undefined;
  /** Why it failed. */
  error: string | undefined;
  createdAt: number;
  finishedAt: number | undefined;
  applied: string[];
};
