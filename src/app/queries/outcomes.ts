import { AppError } from '#domain/errors.ts';
import type { Metrics } from '#ports/metrics.ts';

/** How a question ended. `hit`: nobody counted for it; `abandoned`: whoever asked has gone. */
export type Outcome = 'hit' | 'miss' | 'refused' | 'timed-out' | 'abandoned' | 'failed';

export function outcomeOf(err: unknown): Outcome {
  switch (err instanceof AppError ? err.code : undefined) {
    case 'query-refused':
      return 'refused';
    case 'query-too-slow':
      return 'timed-out';
    case 'timeout':
      return 'abandoned';
    default:
      return 'failed';
  }
}

type Counter = Pick<Metrics, 'count'>;

export function countOutcome(metrics: Counter, outcome: Outcome): void {
  metrics.count('formstead_analytics_queries_total', { outcome });
}

/** Counts a question that no cache is asked about. Errors: those of `work`. */
export async function countedAs<T>(metrics: Counter, work: () => Promise<T>): Promise<T> {
  try {
    const answer = await work();
    countOutcome(metrics, 'miss');
    return answer;
  } catch (err) {
    countOutcome(metrics, outcomeOf(err));
    throw err;
  }
}
