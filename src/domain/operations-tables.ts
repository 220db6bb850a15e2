import type { CountTable } from './count-table.ts';
import type { EndpointStats, KindStats } from './operations-stats.ts';
import type { Quantiles } from './quantiles.ts';
import { taskStatuses } from './task.ts';

export const operationsTables = ['tasks', 'deliveries', 'outcomes'] as const;
export type OperationsTable = (typeof operationsTables)[number];

/** How tasks and deliveries went, as tables: `tasks` a row for each kind, `deliveries` for each endpoint, `outcomes` for each endpoint and what came of an attempt. Seconds and milliseconds as in the statistics. */
export function operationsTable(
  name: OperationsTable,
  { kinds, endpoints }: { kinds: readonly KindStats[]; endpoints: readonly EndpointStats[] },
): CountTable {
  switch (name) {
    case 'tasks':
      return {
        columns: {
          kind: 'VARCHAR',
          count: 'BIGINT',
          ...typed(taskStatuses, 'BIGINT'),
          retried: 'BIGINT',
          ...typed(quantileNames('waited_seconds'), 'DOUBLE'),
          ...typed(quantileNames('ran_seconds'), 'DOUBLE'),
        },
        rows: kinds.map(({ kind, count, byStatus, retried, waited, ran }) => ({
          kind,
          count,
          ...Object.fromEntries(taskStatuses.map((status) => [status, byStatus[status] ?? 0])),
          retried,
          ...quantiles('waited_seconds', waited),
          ...quantiles('ran_seconds', ran),
        })),
      };
    case 'deliveries':
      return {
        columns: {
          endpoint_id: 'VARCHAR',
          attempts: 'BIGINT',
          succeeded: 'BIGINT',
          retries: 'BIGINT',
          ...typed(quantileNames('milliseconds'), 'DOUBLE'),
        },
        rows: endpoints.map(({ endpointId, attempts, succeeded, retries, took }) => ({
          endpoint_id: endpointId,
          attempts,
          succeeded,
          retries,
          ...quantiles('milliseconds', took),
        })),
      };
    case 'outcomes':
      return {
        columns: { endpoint_id: 'VARCHAR', outcome: 'VARCHAR', count: 'BIGINT' },
        rows: endpoints.flatMap(({ endpointId, outcomes }) =>
          Object.entries(outcomes)
            .sort(([a, some], [b, others]) => others - some || (a < b ? -1 : 1))
            .map(([outcome, count]) => ({ endpoint_id: endpointId, outcome, count })),
        ),
      };
  }
}

const quantileNames = (of: string): string[] => [`${of}_p50`, `${of}_p95`, `${of}_max`];

const quantiles = (of: string, found: Quantiles | undefined): Record<string, number> =>
  found ? { [`${of}_p50`]: found.p50, [`${of}_p95`]: found.p95, [`${of}_max`]: found.max } : {};

const typed = <T extends 'BIGINT' | 'DOUBLE'>(names: readonly string[], type: T): Record<string, T> =>
  Object.fromEntries(names.map((name) => [name, type]));
