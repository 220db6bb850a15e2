import { QueryError } from '#domain/query-error.ts';

type Waiting = { takes: number; enter: () => void };

/**
 * So many questions at once, in the order of asking; one may take all places, to be alone. Gives what is to be called at the end.
 * Errors: `engine-unavailable` when too many wait or no place was free in time; the reason of the signal.
 */
export function createPlaces(count: number, mostWaiting: number) {
  let free = count;
  const line: Waiting[] = [];

  function serve(): void {
    while (line[0] && line[0].takes <= free) {
      const { takes, enter } = line.shift()!;
      free -= takes;
      enter();
    }
  }

  return async (wants: { alone: boolean; timeMs: number; signal: AbortSignal | undefined }): Promise<() => void> => {
    const { signal } = wants;
    signal?.throwIfAborted();
    if (line.length >= mostWaiting) throw new QueryError('engine-unavailable', 'Too many questions wait already.');
    const entered = Promise.withResolvers<void>();
    const waiting: Waiting = { takes: wants.alone ? count : 1, enter: entered.resolve };
    const leave = (reason: unknown) => {
      const at = line.indexOf(waiting);
      // Who has entered already stays: the caller sees time and signal itself.
      if (at < 0) return;
      line.splice(at, 1);
      entered.reject(reason);
      serve();
    };
    const timer = setTimeout(
      () =>
        leave(new QueryError('engine-unavailable', `No place was free within ${Math.round(wants.timeMs) / 1000} s.`)),
      wants.timeMs,
    );
    const abort = () => leave(signal?.reason);
    signal?.addEventListener('abort', abort, { once: true });
    line.push(waiting);
    serve();
    try {
      await entered.promise;
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener('abort', abort);
    }
    let left = false;
    return () => {
      if (left) return;
      left = true;
      free += waiting.takes;
      serve();
    };
  };
}
