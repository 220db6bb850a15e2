import type { Auditor } from '#app/audit.ts';
import type { Datasets } from '#app/exports/datasets.ts';
import { createAnalystSql } from '#app/queries/analyst-sql.ts';
import type { AnswerCache } from '#app/queries/answer-cache.ts';
import { createAnswerFiles } from '#app/queries/answer-files.ts';
import { createCommonQueries } from '#app/queries/common-queries.ts';
import { createFreshRows } from '#app/queries/fresh-rows.ts';
import { createFormTables } from '#app/queries/tables.ts';
import type { Config } from '#config.ts';
import type { Adapters } from './adapters.ts';

type Parts = { adapters: Adapters; config: Config; datasets: Datasets; answers: AnswerCache; audit: Auditor };

/** What answers queries: over exported files and what has changed since. */
export function createQueries({ adapters, config, datasets, answers, audit }: Parts) {
  const { storage, blobs, clock, ids, engine, metrics } = adapters;
  const freshRows = createFreshRows({ storage, blobs, clock });
  const tables = createFormTables({ storage, blobs, freshRows, clock, behind: datasets.requestOnce });
  const limits = { timeMs: config.queryTimeoutMs, rows: config.queryRows };
  const { timeZone, queryLeastGroup: leastGroup } = config;
  return {
    queries: createCommonQueries({ tables, engine, answers, clock, metrics, timeZone, limits, leastGroup }),
    analystSql: createAnalystSql({ storage, tables, engine, audit, limits }),
    answerFiles: createAnswerFiles({ blobs, ids }),
  };
}
