import { Worker } from 'node:worker_threads';
import type { ExamplePage, Training } from '#ports/text-classifier.ts';
import type { Assignment, NextPage, TrainReply, WorkerPurpose } from './protocol.ts';

/**
 * Trains in a thread that lives for this one head, and hands it the examples a page at a time, each when the thread has taken in the one before.
 * An abort ends the thread at once, in the middle of the mathematics.
 */
export async function trainInThread(
  entry: URL,
  { pages, ...assignment }: Assignment & { pages: AsyncIterable<ExamplePage> },
  signal: AbortSignal,
): Promise<Training> {
  signal.throwIfAborted();
  const purpose: WorkerPurpose = { kind: 'train', ...assignment };
  const worker = new Worker(entry, { workerData: purpose });
  const reading = pages[Symbol.asyncIterator]();
  try {
    return await trainingOf(worker, () => reading.next(), signal);
  } finally {
    // Not waited for: a page that is on its way may take as long as its store does.
    void reading.return?.().catch(() => {});
    await worker.terminate();
  }
}

function trainingOf(
  worker: Worker,
  next: () => Promise<IteratorResult<ExamplePage>>,
  signal: AbortSignal,
): Promise<Training> {
  return new Promise((resolve, reject) => {
    const stop = () => reject(signal.reason);
    signal.addEventListener('abort', stop, { once: true });
    const settled = (settle: () => void) => {
      signal.removeEventListener('abort', stop);
      settle();
    };
    const fail = (error: unknown) => settled(() => reject(error));
    worker.on('message', (reply: TrainReply) => {
      if (reply.kind === 'more') {
        next().then(({ done, value }) => worker.postMessage((done ? undefined : value) satisfies NextPage), fail);
      } else if (reply.kind === 'failed') fail(new Error(reply.message));
      else settled(() => resolve(reply.training));
    });
    worker.on('error', (cause) => fail(new Error('the training thread crashed', { cause })));
    worker.on('exit', (code) => fail(new Error(`the training thread ended with code ${code}`)));
  });
}
