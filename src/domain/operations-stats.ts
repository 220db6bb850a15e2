import { type Quantiles, quantilesOf } from './quantiles.ts';
import type { Task, TaskStatus } from './task.ts';
import type { DeliveryAttempt } from './webhook/model.ts';

/** Times in seconds. `retried`: of them tried more than once. */
export type KindStats = {
  kind: string;
  count: number;
  byStatus: Partial<Record<TaskStatus, number>>;
  retried: number;
  /** From when it was wished for to its last start, and from there to its end; of those that have come so far. */
  waited: Quantiles | undefined;
  ran: Quantiles | undefined;
};

/** Times in milliseconds, of each attempt from connecting to the last byte. `outcomes`: an HTTP status, or what went wrong. */
export type EndpointStats = {
  endpointId: string;
  attempts: number;
  succeeded: number;
  /** Attempts that were not the first of their delivery. */
  retries: number;
  outcomes: Record<string, number>;
  took: Quantiles | undefined;
};

export function taskStats(tasks: readonly Task[]): KindStats[] {
  return [...Map.groupBy(tasks, ({ kind }) => kind)]
    .map(([kind, those]): KindStats => {
      const byStatus: KindStats['byStatus'] = {};
      for (const { status } of those) byStatus[status] = (byStatus[status] ?? 0) + 1;
      const waited = those.flatMap(({ startedAt, runAt }) =>
        startedAt === undefined ? [] : [(startedAt - runAt) / 1000],
      );
      const ran = those.flatMap(({ startedAt, finishedAt }) =>
        startedAt === undefined || finishedAt === undefined ? [] : [(finishedAt - startedAt) / 1000],
      );
      return {
        kind,
        count: those.length,
        byStatus,
        retried: those.filter(({ attempts }) => attempts > 1).length,
        waited: quantilesOf(waited.map((seconds) => Math.max(0, seconds))),
        ran: quantilesOf(ran.map((seconds) => Math.max(0, seconds))),
      };
    })
    .sort((a, b) => b.count - a.count || (a.kind < b.kind ? -1 : 1));
}

export function deliveryStats(attempts: readonly DeliveryAttempt[]): EndpointStats[] {
  return [...Map.groupBy(attempts, ({ endpointId }) => endpointId)]
    .map(([endpointId, those]): EndpointStats => {
      const outcomes: Record<string, number> = {};
      for (const { httpStatus, outcome } of those) {
        const key = httpStatus === undefined ? outcome : String(httpStatus);
        outcomes[key] = (outcomes[key] ?? 0) + 1;
      }
      return {
        endpointId,
        attempts: those.length,
        succeeded: those.filter(({ httpStatus }) => httpStatus !== undefined && httpStatus >= 200 && httpStatus < 300)
          .length,
        retries: those.filter(({ number }) => number > 1).length,
        outcomes,
        took: quantilesOf(those.map(({ milliseconds }) => milliseconds)),
      };
    })
    .sort((a, b) => b.attempts - a.attempts || (a.endpointId < b.endpointId ? -1 : 1));
}
