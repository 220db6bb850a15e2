import type { ExportColumn } from '../export-rows.ts';
import type { Json } from '../json.ts';
import type { Dataset, DatasetFile, Partition } from './dataset.ts';

type View = { [key: string]: Json } & { partitions: Json; columns: Json };

/** A manifest in the words of the HTTP contract: the same in answers and in `manifest.json`. */
export function datasetView(doc: Dataset): View {
  const bytes = (file: 'parquet' | 'jsonl') =>
    doc.partitions.reduce((sum, partition) => sum + partition[file].bytes, 0);
  return {
    form_id: doc.id,
    version: doc.version,
    complete_to: doc.completeTo,
    updated_at: new Date(doc.updatedAt).toISOString(),
    rows: doc.partitions.reduce((sum, { rows }) => sum + rows, 0),
    bytes: { parquet: bytes('parquet'), jsonl: bytes('jsonl') },
    columns: doc.columns.map(({ name, type }: ExportColumn) => ({ name, type })),
    partitions: doc.partitions.map(partitionView),
  };
}

function partitionView({ from, to, rows, misfits, completeTo, formVersion, parquet, jsonl }: Partition): Json {
  const file = ({ name, bytes, sha256 }: DatasetFile) => ({ name, bytes, sha256 });
  return {
    ...{ from, to, rows, misfits, complete_to: completeTo, form_version: formVersion },
    files: { parquet: file(parquet), jsonl: file(jsonl) },
  };
}
