/* A parent that is killed while its DuckDB process has seconds of work to do: told by its pid, then left alone. */
import { join } from 'node:path';
import { createDuckdbExportWriter } from '../../src/adapters/analytics-duckdb/export-writer.ts';

const writer = createDuckdbExportWriter({ onStart: (pid) => process.send!(pid) });
const file = await writer.openParquet({
  path: join(process.argv[2]!, 'a.parquet'),
  columns: [{ name: 'text', type: 'string' }],
  signal: new AbortController().signal,
});
for (let i = 0; i < 200; i++)
  await file.write(Array.from({ length: 1000 }, (_, k) => [`${i * 1000 + k} ${'some words '.repeat(40)}`]));
await file.close();
