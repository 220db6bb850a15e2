/* The parent of a DuckDB process that never comes to an end: tells its pid and waits to be killed. */
import { join } from 'node:path';
import { createDuckdbProcess } from '../../src/adapters/analytics-duckdb/duckdb-process.ts';

const dir = process.argv[2]!;
const duckdb = createDuckdbProcess({ deadlineMs: 600_000, onStart: (pid) => process.send!(pid) });
await duckdb.run(
  {
    input: join(dir, 'rows'),
    gzip: false,
    output: join(dir, 'a.parquet'),
    columns: [{ key: 'c0', name: 'a', sqlType: 'VARCHAR' }],
    rowGroupBytes: 2 ** 20,
    longestLine: 100,
    memoryBytes: 1e8,
    spill: join(dir, 'spill'),
  },
  new AbortController().signal,
);
