import { createTrainings } from '#adapters/learning-threads/trainings.ts';
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
  const trainings = createTrainings(entry);

  return {
    train: ({ signal, pages, ...assignment }) =>
      trainings.train<ExamplePage, Training>({ kind: 'train', ...assignment } satisfies WorkerPurpose, pages, signal),
    async classify({ head, texts, embeddings }) {
      trainings.assertOpen();
      if (texts.length === 0) return [];
      return thread.classify(head, texts, embeddings);
    },
    async close() {
      const reason = new Error('the classifier is closed');
      await Promise.all([thread.stop(reason), trainings.close(reason)]);
    },
  };
}
