import { trainInThread } from '#adapters/learning-threads/train-thread.ts';
import type { ExamplePage, TextClassifier, Training } from '#ports/text-classifier.ts';
import { createClassifyThread } from './classify-thread.ts';
import type { WorkerPurpose } from './protocol.ts';

/**
 * Text classifier that needs no model file: hashed word and character n-grams, rarity weights, softmax regression.
 *
 * Classifying runs in one thread, training in another that lives for one head; trainings wait for each other, so that two cores are the
 * most this ever takes. A call that is waiting when a thread crashes is rejected; the next call starts a new thread.
 */
export function createNgramClassifier(
  deps: {
    /** Milliseconds without a call after which the thread ends. */ idleMs?: number /** Entry of the threads; another one only in tests. */;
    entry?: URL;
  } = {},
): TextClassifier {
  const entry = deps.entry ?? new URL('./worker.ts', import.meta.url);
  const thread = createClassifyThread({ entry, idleMs: deps.idleMs ?? 60_000 });
  const closing = new AbortController();
  let lastTraining: Promise<unknown> = Promise.resolve();

  function assertOpen(): void {
    if (closing.signal.aborted) throw closing.signal.reason;
  }

  return {
    async train({ signal, pages, ...assignment }) {
      assertOpen();
      const stop = signal ? AbortSignal.any([signal, closing.signal]) : closing.signal;
      const turn = lastTraining.then(() =>
        trainInThread<ExamplePage, Training>(
          entry,
          { kind: 'train', ...assignment } satisfies WorkerPurpose,
          pages,
          stop,
        ),
      );
      lastTraining = turn.catch(() => {});
      return unlessAborted(turn, stop);
    },
    async classify({ head, texts, embeddings }) {
      assertOpen();
      if (texts.length === 0) return [];
      return thread.classify(head, texts, embeddings);
    },
    async close() {
      const reason = new Error('the classifier is closed');
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
