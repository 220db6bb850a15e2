/** `ready`: to be called as soon as the next work may begin beside what is left of this one. */
export type Work<R> = (run: { signal: AbortSignal; ready: () => void }) => Promise<R>;

/**
 * Results of works in their order, each begun when the one before is ready, so at most two run: while DuckDB makes the Parquet file of one day in a process of its
 * own, the rows of the next are read. Whoever stops, or a work that fails, stops the work that was begun already and waits until it has cleaned up.
 * Errors: those of the works, in their order; the reason of `signal`.
 */
export async function* overlapping<R>(works: readonly Work<R>[], signal: AbortSignal): AsyncGenerator<R> {
  const stop = new AbortController();
  const either = AbortSignal.any([signal, stop.signal]);
  const begin = (work: Work<R>) => {
    const ready = Promise.withResolvers<void>();
    const result = work({ signal: either, ready: ready.resolve }).finally(ready.resolve);
    // Told to whoever takes the result; until then it is nobody's.
    result.catch(() => {});
    return { ready: ready.promise, result };
  };
  let next = works[0] && begin(works[0]);
  try {
    for (let i = 1; next !== undefined; i++) {
      const current: ReturnType<typeof begin> = next;
      await current.ready;
      next = i < works.length ? begin(works[i]!) : undefined;
      yield await current.result;
    }
  } finally {
    stop.abort();
    await next?.result.catch(() => {});
  }
}
