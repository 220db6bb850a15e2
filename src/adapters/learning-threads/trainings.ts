import { createTurns } from '#domain/turns.ts';
import { trainInThread } from './train-thread.ts';

/** Trainings, each in a thread of its own, one after the other: a training takes a core for itself. */
export function createTrainings(entry: URL) {
  const closing = new AbortController();
  const oneByOne = createTurns();
  const key = 'training';
  return {
    /** Errors: the reason of `signal` or of `close`, as soon as it is given; those of the training. */
    async train<Page, Training>(
      purpose: object,
      pages: AsyncIterable<Page>,
      signal: AbortSignal | undefined,
    ): Promise<Training> {
      const stop = signal ? AbortSignal.any([signal, closing.signal]) : closing.signal;
      return oneByOne(key, () => trainInThread<Page, Training>(entry, purpose, pages, stop), stop);
    },
    /** Throws the reason of `close` once there is one. */
    assertOpen: () => closing.signal.throwIfAborted(),
    /** Resolves when no thread is left. */
    close(reason: Error): Promise<void> {
      closing.abort(reason);
      return oneByOne(key, async () => {});
    },
  };
}
