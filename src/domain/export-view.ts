import type { Export, ExportFormat } from './export.ts';
import type { Json } from './json.ts';

const time = (at: number | undefined): string | null => (at === undefined ? null : new Date(at).toISOString());

const endings: Record<ExportFormat, string> = { parquet: 'parquet', jsonl: 'jsonl.gz', csv: 'csv' };

/** Name in the blob store: the same for every attempt. */
export function exportFile({ id, format }: Pick<Export, 'id' | 'format'>): string {
  return `exports/${id}.${endings[format]}`;
}

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
