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

/** A question has its files a moment before its time begins. */
export const afterMs = 60_000;

/** What answers queries: over exported files and what has changed since. */
export function createQueries({ adapters, config, datasets, answers, audit }: Parts) {
  const { storage, blobs, clock, ids, engine, metrics } = adapters;
  const { queryStaleMs: staleMs, queryTimeoutMs } = config;
  const freshRows = createFreshRows({ storage, blobs, clock, ids, readMs: queryTimeoutMs + afterMs });
  const { requestOnce: requestUpdate } = datasets;
  const tables = createFormTables({ storage, blobs, freshRows, clock, staleMs, requestUpdate });
  const note: Note = async (caller, forms, sqlSha256) => {
    const entry = audit(caller, 'analytics.sql', forms[0]!, { forms: forms.join(' '), sql_sha256: sqlSha256 });
    await storage.commit({ change: { op: 'none' }, audit: [entry] });
  };
  const limits = { timeMs: queryTimeoutMs, rows: config.queryRows };
  const { timeZone, queryLeastGroup: leastGroup } = config;
  return {
    queries: createCommonQueries({ tables, engine, answers, clock, metrics, timeZone, limits, leastGroup }),
    analystSql: createAnalystSql({ storage, tables, engine, metrics, note, limits }),
    countFiles: createCountFiles({ engine, limits }),
    answerFiles: createAnswerFiles({ blobs, clock, ids }),
  };
}

type Note = Parameters<typeof createAnalystSql>[0]['note'];
