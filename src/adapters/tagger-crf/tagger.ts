import { createTrainings } from '#adapters/learning-threads/trainings.ts';
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
  const trainings = createTrainings(entry);

  return {
    train({ signal, pages, fields, seen }) {
      const purpose: WorkerPurpose = { kind: 'train', fields: fields.map(({ name }) => name), seen };
      return trainings.train<FieldExample[], TaggerTraining>(purpose, pages, signal);
    },
    async tag({ tagger, texts, hints = [] }) {
      trainings.assertOpen();
      if (texts.length === 0) return [];
      return thread.tag(tagger, texts, hints);
    },
    async close() {
      const reason = new Error('the tagger is closed');
      await Promise.all([thread.stop(reason), trainings.close(reason)]);
    },
  };
}
