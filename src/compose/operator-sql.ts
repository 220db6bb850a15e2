import { join } from 'node:path';
import { createDuckdbEngine } from '#adapters/analytics-duckdb/engine/analytics-engine.ts';
import { openFileBlobs } from '#adapters/blobs-fs/blobs.ts';
import type { Datasets } from '#app/exports/datasets.ts';
import { createAnalystSql } from '#app/queries/analyst-sql.ts';
import type { Config } from '#config.ts';
import { AppError } from '#domain/errors.ts';
import { type Adapters, engineLimits } from './adapters.ts';
import { formTables } from './queries.ts';

/**
 * SQL for the operator at the command line, who needs no audit entry to read the store's own files. What it makes, rows and snapshots, is in
 * `folder`: in the server's own folders a command of another user would leave what the server cannot write to.
 */
export async function openOperatorSql(adapters: Adapters, config: Config, folder: string) {
  const freshBlobs = await openFileBlobs({ directory: join(folder, 'blobs'), clock: adapters.clock });
  const { queryTimeoutMs: timeMs, queryRows: rows } = config;
  const tables = formTables(adapters, freshBlobs, { ...config, queryStaleMs: 0 }, leftToServer);
  const engine = createDuckdbEngine({ folder: join(folder, 'queries'), ...engineLimits(config) });
  const sql = createAnalystSql({ ...adapters, engine, tables, note: async () => {}, limits: { timeMs, rows } });
  return { ...sql, close: () => engine.close() };
}

/** A command that only reads writes no file of the server's. Errors: `data-damaged`, with what has it written again. */
const leftToServer: Datasets['requestOnce'] = async (formId, reason) => {
  if (!('damaged' in reason)) return;
  throw new AppError('data-damaged', {
    detail: `The file ${reason.damaged} is missing or damaged. POST /api/v1/forms/${formId}/dataset?rebuild=1 has a running server write it again.`,
  });
};
