import { Worker } from 'node:worker_threads';

/** What a training thread says: that it wants the next page, or how it ended. A page is answered by one, or by undefined when there are no more. */
export type TrainReply<Training> =
  | { kind: 'more' }
  | { kind: 'done'; training: Training }
  | { kind: 'failed'; message: string };

/**
 * Trains in a thread that lives for this one training, and hands it the examples a page at a time, each when the thread has taken in the one before.
 * An abort ends the thread at once, in the middle of the mathematics.
 */
export async function trainInThread<Page, Training>(
  entry: URL,
  /** Given to the thread as its `workerData`. */
  purpose: object,
  pages: AsyncIterable<Page>,
  signal: AbortSignal,
): Promise<Training> {
  signal.throwIfAborted();
  const worker = new Worker(entry, { workerData: purpose });
  const reading = pages[Symbol.asyncIterator]();
  try {
    return await trainingOf<Page, Training>(worker, () => reading.next(), signal);
  } finally {
    // Not waited for: a page that is on its way may take as long as its store does.
    void reading.return?.().catch(() => {});
    await worker.terminate();
  }
}

function trainingOf<Page, Training>(
  worker: Worker,
  next: () => Promise<IteratorResult<Page>>,
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
    worker.on('message', (reply: TrainReply<Training>) => {
      if (reply.kind === 'more') {
        next().then(({ done, value }) => worker.postMessage(done ? undefined : value), fail);
      } else if (reply.kind === 'failed') fail(new Error(reply.message));
      else settled(() => resolve(reply.training));
    });
    worker.on('error', (cause) => fail(new Error('the training thread crashed', { cause })));
    worker.on('exit', (code) => fail(new Error(`the training thread ended with code ${code}`)));
  });
}
