import { Worker } from 'node:worker_threads';
import type { TrainedHead } from '#ports/text-classifier.ts';
import type { TrainReply, WorkerPurpose } from './protocol.ts';
import type { TrainingInput } from './train-head.ts';

/** Trains in a thread that lives for this one head. An abort ends the thread at once, in the middle of the mathematics. */
export async function trainInThread(entry: URL, input: TrainingInput, signal: AbortSignal): Promise<TrainedHead> {
  signal.throwIfAborted();
  const purpose: WorkerPurpose = { kind: 'train', input };
  const worker = new Worker(entry, { workerData: purpose });
  try {
    const reply = await replyOf(worker, signal);
    if (reply.kind === 'failed') throw new Error(reply.message);
    const { kind: _, ...head } = reply;
    return head;
  } finally {
    await worker.terminate();
  }
}

function replyOf(worker: Worker, signal: AbortSignal): Promise<TrainReply> {
  return new Promise((resolve, reject) => {
    const stop = () => reject(signal.reason);
    signal.addEventListener('abort', stop, { once: true });
    const settled = (settle: () => void) => {
      signal.removeEventListener('abort', stop);
      settle();
    };
    worker.on('message', (reply: TrainReply) => settled(() => resolve(reply)));
    worker.on('error', (cause) => settled(() => reject(new Error('the training thread crashed', { cause }))));
    worker.on('exit', (code) => settled(() => reject(new Error(`the training thread ended with code ${code}`))));
  });
}
