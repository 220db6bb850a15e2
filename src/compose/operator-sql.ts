import { join } from 'node:path';
import { createDuckdbEngine } from '#adapters/analytics-duckdb/engine/analytics-engine.ts';
import { openFileBlobs } from '#adapters/blobs-fs/blobs.ts';
import { createAnalystSql } from '#app/queries/analyst-sql.ts';
import { createFreshRows } from '#app/queries/fresh-rows.ts';
import { createFormTables } from '#app/queries/tables.ts';
import type { Config } from '#config.ts';
import { type Adapters, engineLimits } from './adapters.ts';
import { afterMs } from './queries.ts';

/**
 * SQL for the operator at the command line, who needs no audit entry to read the store's own files. What it makes, rows and snapshots, is in
 * `folder`: in the server's own folders a command of another user would leave what the server cannot write to.
 */
export async function openOperatorSql(adapters: Adapters, config: Config, folder: string) {
  const { storage, blobs, clock, ids } = adapters;
  const freshBlobs = await openFileBlobs({ directory: join(folder, 'blobs'), clock });
  const { queryTimeoutMs: timeMs, queryRows: rows } = config;
  const freshRows = createFreshRows({ storage, blobs: freshBlobs, clock, ids, readMs: timeMs + afterMs });
  const tables = createFormTables({ storage, blobs, freshRows, clock, staleMs: 0, requestUpdate: async () => {} });
  const engine = createDuckdbEngine({ folder: join(folder, 'queries'), ...engineLimits(config) });
  const sql = createAnalystSql({ ...adapters, engine, tables, note: async () => {}, limits: { timeMs, rows } });
  return { ...sql, close: () => engine.close() };
}
