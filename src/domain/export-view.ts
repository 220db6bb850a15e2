import type { Export, ExportFormat } from './export.ts';
import { sha256Hex } from './hash.ts';
import type { Json } from './json.ts';

const time = (at: number | undefined): string | null => (at === undefined ? null : new Date(at).toISOString());

const endings: Record<ExportFormat, string> = { parquet: 'parquet', jsonl: 'jsonl.gz', csv: 'csv' };

/** Area of the blob store. */
export const exportArea = 'exports';

/** Name for whoever downloads it. */
export const exportName = ({ id, format }: Pick<Export, 'id' | 'format'>): string => `${id}.${endings[format]}`;

/** Name in the blob store of what was written under this lease: no attempt lays its file over that of another one. */
export const exportFile = ({ id, format }: Pick<Export, 'id' | 'format'>, lease: string): string =>
  `${exportArea}/${id}-${sha256Hex(lease).slice(0, 8)}.${endings[format]}`;

/** An export in the words of the HTTP contract: the same in answers and in webhooks. */
export function exportView(doc: Export): { [key: string]: Json } {
  return {
    id: doc.id,
    form_id: doc.formId ?? null,
    format: doc.format,
    mask: doc.mask ?? 'none',
    from: time(doc.from),
    to: time(doc.to),
    status: doc.status,
    rows: doc.rows ?? null,
    bytes: doc.bytes ?? null,
    sha256: doc.sha256 ?? null,
    error: doc.error ?? null,
    task_id: doc.taskId,
    created_at: time(doc.createdAt),
    finished_at: time(doc.finishedAt),
  };
}
