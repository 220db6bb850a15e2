/**
 * Runs what is given under the same key one after the other, in the order it came; what is given under different keys does not wait. Errors: those of the work;
 * the reason of `signal` as soon as it aborts, and what still waited then never begins.
 */
export function createTurns() {
  const last = new Map<string, Promise<unknown>>();
  return <T>(key: string, work: () => Promise<T>, signal?: AbortSignal): Promise<T> => {
    const turn = (last.get(key) ?? Promise.resolve()).then(() => {
      signal?.throwIfAborted();
      return work();
    });
    const settled = turn.then(
      () => {},
      () => {},
    );
    last.set(key, settled);
    void settled.then(() => {
      if (last.get(key) === settled) last.delete(key);
    });
    return signal ? unlessAborted(turn, signal) : turn;
  };
}

function unlessAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const stop = () => reject(signal.reason);
    if (signal.aborted) stop();
    signal.addEventListener('abort', stop, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', stop));
  });
}
