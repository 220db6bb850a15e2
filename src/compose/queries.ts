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

/** What answers queries: over exported files and what has changed since. */
export function createQueries({ adapters, config, datasets, answers, audit }: Parts) {
  const { storage, blobs, clock, ids, engine, metrics } = adapters;
  const tables = formTables(adapters, blobs, config, datasets.requestOnce);
  const note: Note = async (caller, forms, sqlSha256) => {
    const entry = audit(caller, 'analytics.sql', forms[0]!, { forms: forms.join(' '), sql_sha256: sqlSha256 });
    await storage.commit({ change: { op: 'none' }, audit: [entry] });
  };
  const limits = { timeMs: config.queryTimeoutMs, rows: config.queryRows };
  const { timeZone, queryLeastGroup: leastGroup } = config;
  const answerFiles = createAnswerFiles({ blobs, ids });
  return {
    queries: createCommonQueries({ tables, engine, answers, clock, metrics, timeZone, limits, leastGroup }),
    analystSql: createAnalystSql({ storage, tables, engine, metrics, note, limits }),
    countFiles: createCountFiles({ engine, answerFiles, limits }),
    answerFiles,
  };
}

/** `freshBlobs`: where the rows are written that no exported file holds. */
export function formTables(
  { storage, blobs, clock, ids }: Adapters,
  freshBlobs: Adapters['blobs'],
  { queryStaleMs: staleMs, queryTimeoutMs }: Pick<Config, 'queryStaleMs' | 'queryTimeoutMs'>,
  requestUpdate: Datasets['requestOnce'],
) {
  // A question has its files a moment before its time begins.
  const readMs = queryTimeoutMs + 60_000;
  const freshRows = createFreshRows({ storage, blobs: freshBlobs, clock, ids, readMs });
  return createFormTables({ storage, blobs, freshRows, clock, staleMs, requestUpdate });
}

type Note = Parameters<typeof createAnalystSql>[0]['note'];
