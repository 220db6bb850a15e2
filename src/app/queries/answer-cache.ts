import type { Cache } from '#ports/cache.ts';
import type { Ids } from '#ports/ids.ts';
import type { Metrics } from '#ports/metrics.ts';
import { countOutcome, type Outcome, outcomeOf } from './outcomes.ts';

type Deps = {
  cache: Pick<Cache, 'get' | 'set'>;
  metrics: Pick<Metrics, 'count'>;
  ids: Pick<Ids, 'next'>;
  /** Answers of another release may have another shape, and Redis outlives an upgrade. */
  release: string;
};

/** An entry is exact for ever, as its key names the state it was counted from; this only bounds what lies about. */
const keptMs = 600_000;
const epochMs = 30 * 86_400_000;
/** Larger answers are asked again: a cache of a hundred of them would be the size of the table. Characters. */
const mostCharacters = 1_000_000;

/** Answers by exact keys: equal questions at the same time are answered once, later ones from the cache. */
export function createAnswerCache({ cache, metrics, ids, release }: Deps) {
  const running = new Map<string, Promise<unknown>>();
  const own = ids.next('ans');

  /**
   * The same from one emptying of the cache to the next, for all processes that share it. Whoever puts an older store back starts its processes with an empty
   * cache: the numbers of that store then mean other responses, and what was told of them must not be taken for known. Never rejects.
   */
  async function epoch(): Promise<string> {
    try {
      const known = await cache.get('epoch');
      if (known !== undefined) return known;
      await cache.set('epoch', own, epochMs);
      return (await cache.get('epoch')) ?? own;
    } catch {
      return own;
    }
  }

  /** `question`: what is asked and the state of what it is asked of. `cached`: nothing was computed for this call. Errors: those of `compute`. */
  async function answer<T>(question: string, compute: () => Promise<T>): Promise<{ value: T; cached: boolean }> {
    const key = `${release}:${question}`;
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
      const kept = await found<T>(key);
      const value = kept ? kept.value : await compute();
      if (!kept) await keep(key, value);
      lookup.resolve(value);
      outcome(kept ? 'hit' : 'miss');
      return { value, cached: kept !== undefined };
    } catch (err) {
      outcome(outcomeOf(err));
      lookup.reject(err);
      throw err;
    } finally {
      running.delete(key);
    }
  }

  /** A cache that is away, or holds what nobody can read, costs a count, not the answer. */
  async function found<T>(key: string): Promise<{ value: T } | undefined> {
    try {
      const kept = await cache.get(key);
      return kept === undefined ? undefined : { value: JSON.parse(kept) };
    } catch {
      return undefined;
    }
  }

  async function keep(key: string, value: unknown): Promise<void> {
    const text = JSON.stringify(value);
    if (text.length <= mostCharacters) await cache.set(key, text, keptMs).catch(() => {});
  }

  return { answer, epoch };
}
export type AnswerCache = ReturnType<typeof createAnswerCache>;
