import type { Cache } from '#ports/cache.ts';
import type { Metrics } from '#ports/metrics.ts';
import { countOutcome, type Outcome, outcomeOf } from './outcomes.ts';

type Deps = { cache: Pick<Cache, 'get' | 'set'>; metrics: Pick<Metrics, 'count'> };

/** An entry is exact for ever, as its key names the state it was counted from; this only bounds what lies about. */
const keptMs = 600_000;
/** Larger answers are asked again: a cache of a hundred of them would be the size of the table. Characters. */
const mostCharacters = 1_000_000;

/** Answers by exact keys: equal questions at the same time are answered once, later ones from the cache. */
export function createAnswerCache({ cache, metrics }: Deps) {
  const running = new Map<string, Promise<unknown>>();

  /** `key`: the question and the state of what it is asked of. `cached`: nothing was computed for this call. Errors: those of `compute`. */
  async function answer<T>(key: string, compute: () => Promise<T>): Promise<{ value: T; cached: boolean }> {
    const outcome = (name: Outcome) => countOutcome(metrics, name);
    const same = running.get(key);
    if (same !== undefined) {
      const value = (await same) as T;
      outcome('hit');
      return { value, cached: true };
    }
    const lookup = Promise.withResolvers<T>();
    // A failure is told to each who waits for it, and to nobody when none does.
    lookup.promise.catch(() => {});
    running.set(key, lookup.promise);
    try {
      // A cache that is away costs a count, not the answer.
      const kept = await cache.get(key).catch(() => undefined);
      const value = kept === undefined ? await compute() : (JSON.parse(kept) as T);
      if (kept === undefined) await keep(key, value);
      lookup.resolve(value);
      outcome(kept === undefined ? 'miss' : 'hit');
      return { value, cached: kept !== undefined };
    } catch (err) {
      outcome(outcomeOf(err));
      lookup.reject(err);
      throw err;
    } finally {
      running.delete(key);
    }
  }

  async function keep(key: string, value: unknown): Promise<void> {
    const text = JSON.stringify(value);
    if (text.length <= mostCharacters) await cache.set(key, text, keptMs).catch(() => {});
  }

  return { answer };
}
export type AnswerCache = ReturnType<typeof createAnswerCache>;
