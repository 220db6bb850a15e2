/* The parent of a DuckDB process that never comes to an end: tells its pid and waits to be killed. */
import { join } from 'node:path';
import { runDuckdb } from '../../src/adapters/analytics-duckdb/duckdb-process.ts';

const dir = process.argv[2]!;
await runDuckdb(
  {
    input: join(dir, 'rows'),
    gzip: false,
    output: join(dir, 'a.parquet'),
    columns: [{ key: 'c0', name: 'a', sqlType: 'VARCHAR' }],
    rowGroupSize: 2048,
    longestLine: 100,
    memoryBytes: 1e8,
    threads: 1,
    spill: join(dir, 'spill'),
  },
  { deadlineMs: 600_000, signal: new AbortController().signal, onStart: (pid) => process.send!(pid) },
);
