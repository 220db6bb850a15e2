import { Worker } from 'node:worker_threads';
import type { Classification, HeadRef, TextEmbeddings } from '#ports/text-classifier.ts';
import type { ClassifyReply, ClassifyRequest, WorkerPurpose } from './protocol.ts';

type Pending = { resolve: (reply: ClassifyReply) => void; reject: (error: Error) => void };

/**
 * The thread that classifies: started by the first call, ended after `idleMs` without one, started anew after a crash.
 * It keeps the process alive only while a call is waiting.
 */
export function createClassifyThread(deps: { entry: URL; idleMs: number }) {
  let worker: Worker | undefined;
  let idle: NodeJS.Timeout | undefined;
  let nextId = 1;
  const pending = new Map<number, Pending>();
  const reading = new Map<string, Promise<Uint8Array>>();

  function start(): Worker {
    const purpose: WorkerPurpose = { kind: 'classify' };
    const started = new Worker(deps.entry, { workerData: purpose });
    started.unref();
    started.on('message', (reply: ClassifyReply) => settle(reply.id, (call) => call.resolve(reply)));
    started.on('error', (cause) => abandon(started, new Error('the classifier thread crashed', { cause })));
    started.on('exit', (code) => abandon(started, new Error(`the classifier thread ended with code ${code}`)));
    return started;
  }

  function settle(id: number, how: (call: Pending) => void): void {
    const call = pending.get(id);
    if (!call) return;
    pending.delete(id);
    if (pending.size === 0) rest();
    how(call);
  }

  function rest(): void {
    worker?.unref();
    idle = setTimeout(() => void stop(new Error('the classifier thread was idle')), deps.idleMs);
    idle.unref();
  }

  /** Rejects every waiting call when the thread that served them is gone. An earlier thread's late events change nothing. */
  function abandon(gone: Worker, error: Error): void {
    if (worker !== gone) return;
    worker = undefined;
    clearTimeout(idle);
    const calls = [...pending.values()];
    pending.clear();
    for (const call of calls) call.reject(error);
  }

  async function stop(reason: Error): Promise<void> {
    const current = worker;
    if (!current) return;
    abandon(current, reason);
    await current.terminate();
  }

  function ask(request: Omit<ClassifyRequest, 'id'>): Promise<ClassifyReply> {
    clearTimeout(idle);
    worker ??= start();
    worker.ref();
    const id = nextId++;
    const sent = worker;
    return new Promise((resolve, reject) => {
      pending.set(id, { resolve, reject });
      sent.postMessage({ ...request, id } satisfies ClassifyRequest);
    });
  }

  /** Calls that miss the same head at the same time read it once. */
  async function askWithBytes(head: HeadRef, question: Omit<ClassifyRequest, 'id'>): Promise<ClassifyReply> {
    const bytes = reading.get(head.sha256) ?? head.read();
    reading.set(head.sha256, bytes);
    try {
      return await ask({ ...question, bytes: await bytes });
    } finally {
      reading.delete(head.sha256);
    }
  }

  return {
    async classify(head: HeadRef, texts: string[], embeddings?: TextEmbeddings): Promise<Classification[]> {
      const question = { sha256: head.sha256, texts, embeddings };
      let reply = await ask(question);
      if (reply.kind === 'head-missing') reply = await askWithBytes(head, question);
      if (reply.kind === 'classified') return reply.results;
      throw new Error(reply.kind === 'failed' ? reply.message : `head ${head.sha256} is missing`);
    },
    stop,
  };
}
