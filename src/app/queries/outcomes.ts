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

/** Counts a question that no cache is asked about. Errors: those of `work`. */
export async function countedAs<T>(metrics: Pick<Metrics, 'count'>, work: () => Promise<T>): Promise<T> {
  const outcome = (name: Outcome) => metrics.count('formstead_analytics_queries_total', { outcome: name });
  try {
    const answer = await work();
    outcome('miss');
    return answer;
  } catch (err) {
    outcome(outcomeOf(err));
    throw err;
  }
}
