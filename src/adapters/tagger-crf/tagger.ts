import { trainInThread } from '#adapters/learning-threads/train-thread.ts';
import type { FieldExample } from '#domain/field-example.ts';
import type { SequenceTagger, TaggerTraining } from '#ports/sequence-tagger.ts';
import type { WorkerPurpose } from './protocol.ts';
import { createTagThread } from './tag-thread.ts';

/**
 * Sequence tagger that needs no model file: a conditional random field over words, with hashed features.
 *
 * Tagging runs in one thread, training in another that lives for one tagger; trainings wait for each other, so that two cores are the most this ever
 * takes. A call that is waiting when a thread crashes is rejected; the next call starts a new thread.
 */
export function createCrfTagger(
  deps: {
    /** Milliseconds without a call after which the thread ends. */ idleMs?: number /** Entry of the threads; another one only in tests. */;
    entry?: URL;
  } = {},
): SequenceTagger {
  const entry = deps.entry ?? new URL('./worker.ts', import.meta.url);
  const thread = createTagThread({ entry, idleMs: deps.idleMs ?? 60_000 });
  const closing = new AbortController();
  let lastTraining: Promise<unknown> = Promise.resolve();

  return {
    async train({ signal, pages, fields, seen }) {
      closing.signal.throwIfAborted();
      const stop = signal ? AbortSignal.any([signal, closing.signal]) : closing.signal;
      const purpose: WorkerPurpose = { kind: 'train', fields: fields.map(({ name }) => name), seen };
      const turn = lastTraining.then(() => trainInThread<FieldExample[], TaggerTraining>(entry, purpose, pages, stop));
      lastTraining = turn.catch(() => {});
      return unlessAborted(turn, stop);
    },
    async tag({ tagger, texts, hints = [] }) {
      closing.signal.throwIfAborted();
      if (texts.length === 0) return [];
      return thread.tag(tagger, texts, hints);
    },
    async close() {
      const reason = new Error('the tagger is closed');
      closing.abort(reason);
      await Promise.all([thread.stop(reason), lastTraining]);
    },
  };
}

/** Rejects as soon as the signal aborts, also while the work still waits for its turn. */
function unlessAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const stop = () => reject(signal.reason);
    if (signal.aborted) return stop();
    signal.addEventListener('abort', stop, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', stop));
  });
}
