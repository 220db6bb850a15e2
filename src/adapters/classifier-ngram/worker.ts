/** Entry of the threads that do the mathematics; started by `classifier.ts` only. */
import { type MessagePort, parentPort, workerData } from 'node:worker_threads';
import { encodeHead, sha256 } from './codec.ts';
import { createHeadCache } from './head-cache.ts';
import type { ClassifyReply, ClassifyRequest, TrainReply, WorkerPurpose } from './protocol.ts';
import { type TrainingInput, trainHead } from './train-head.ts';

// A head of 77 labels and 10,000 examples has 5 MB, one of 10 labels and 300 examples 0.7 MB (bench/understand.ts prints sizes).
const maxHeadBytes = 64 * 1024 * 1024;

const messageOf = (error: unknown) => (error instanceof Error ? error.message : String(error));

function serve(port: MessagePort): void {
  const heads = createHeadCache(maxHeadBytes);

  function answer({ id, sha256: key, texts, bytes }: ClassifyRequest): ClassifyReply {
    try {
      const classify = bytes ? heads.load(key, bytes) : heads.find(key);
      if (!classify) return { id, kind: 'head-missing' };
      return { id, kind: 'classified', results: texts.map(classify) };
    } catch (error) {
      return { id, kind: 'failed', message: messageOf(error) };
    }
  }

  port.on('message', (request: ClassifyRequest) => port.postMessage(answer(request)));
}

function train(port: MessagePort, input: TrainingInput): void {
  const start = performance.now();
  let reply: TrainReply;
  try {
    const head = trainHead(input);
    const bytes = encodeHead(head);
    const report = { ...head.report, milliseconds: Math.round(performance.now() - start) };
    reply = { kind: 'trained', bytes, sha256: sha256(bytes), labels: head.labels, report };
  } catch (error) {
    reply = { kind: 'failed', message: messageOf(error) };
  }
  port.postMessage(reply);
}

const purpose = workerData as WorkerPurpose;
if (!parentPort) throw new Error('this file runs as a worker thread only');
if (purpose.kind === 'train') train(parentPort, purpose.input);
else serve(parentPort);
