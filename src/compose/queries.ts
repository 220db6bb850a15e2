import type { Auditor } from '#app/audit.ts';
import type { Datasets } from '#app/exports/datasets.ts';
import { createAnalystSql } from '#app/queries/analyst-sql.ts';
import type { AnswerCache } from '#app/queries/answer-cache.ts';
import { createAnswerFiles } from '#app/queries/answer-files.ts';
import { createCommonQueries } from '#app/queries/common-queries.ts';
import { createCountFiles } from '#app/queries/count-files.ts';
import { createFreshRows } from '#app/queries/fresh-rows.ts';
import { createFormTables } from '#app/queries/tables.ts';
import type { Config } from '#config.ts';
import type { Adapters } from './adapters.ts';

type Parts = { adapters: Adapters; config: Config; datasets: Datasets; answers: AnswerCache; audit: Auditor };
type QueryConfig = Pick<Config, 'queryTimeoutMs' | 'queryRows'>;

/** What answers queries: over exported files and what has changed since. */
export function createQueries({ adapters, config, datasets, answers, audit }: Parts) {
  const { storage, blobs, clock, ids, engine, metrics } = adapters;
  const tables = formTables(adapters, config, datasets.requestOnce);
  const note: Note = async (caller, forms, sqlSha256) => {
    const entry = audit(caller, 'analytics.sql', forms[0]!, { forms: forms.join(' '), sql_sha256: sqlSha256 });
    await storage.commit({ change: { op: 'none' }, audit: [entry] });
  };
  const limits = { timeMs: config.queryTimeoutMs, rows: config.queryRows };
  const { timeZone, queryLeastGroup: leastGroup } = config;
  return {
    queries: createCommonQueries({ tables, engine, answers, clock, metrics, timeZone, limits, leastGroup }),
    analystSql: createAnalystSql({ storage, tables, engine, metrics, note, limits }),
    countFiles: createCountFiles({ engine, limits }),
    answerFiles: createAnswerFiles({ blobs, clock, ids }),
  };
}

/** SQL for the operator at the command line, who needs no audit entry to read the store's own files. */
export function createOperatorSql(adapters: Adapters, config: QueryConfig) {
  const tables = formTables(adapters, { ...config, queryStaleMs: 0 }, async () => {});
  const limits = { timeMs: config.queryTimeoutMs, rows: config.queryRows };
  return createAnalystSql({ ...adapters, tables, note: async () => {}, limits });
}

type Note = Parameters<typeof createAnalystSql>[0]['note'];

function formTables(
  { storage, blobs, clock, ids }: Adapters,
  { queryStaleMs: staleMs, queryTimeoutMs }: Pick<Config, 'queryStaleMs' | 'queryTimeoutMs'>,
  requestUpdate: Datasets['requestOnce'],
) {
  // A question has its files a moment before its time begins.
  const freshRows = createFreshRows({ storage, blobs, clock, ids, readMs: queryTimeoutMs + 60_000 });
  return createFormTables({ storage, blobs, freshRows, clock, staleMs, requestUpdate });
}
