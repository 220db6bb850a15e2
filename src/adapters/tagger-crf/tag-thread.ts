import { Worker } from 'node:worker_threads';
import type { TaggedField, TaggerRef } from '#ports/sequence-tagger.ts';
import type { TagReply, TagRequest, WorkerPurpose } from './protocol.ts';

type Question = Omit<TagRequest, 'id' | 'bytes'>;
type Pending = { resolve: (reply: TagReply) => void; reject: (error: Error) => void };

/**
 * The thread that tags: started by the first call, ended after `idleMs` without one, started anew after a crash.
 * It keeps the process alive only while a call is waiting.
 */
export function createTagThread(deps: { entry: URL; idleMs: number }) {
  let worker: Worker | undefined;
  let idle: NodeJS.Timeout | undefined;
  let nextId = 1;
  const pending = new Map<number, Pending>();
  const reading = new Map<string, Promise<Uint8Array>>();

  function start(): Worker {
    const purpose: WorkerPurpose = { kind: 'tag' };
    const started = new Worker(deps.entry, { workerData: purpose });
    started.unref();
    started.on('message', (reply: TagReply) => settle(reply.id, (call) => call.resolve(reply)));
    started.on('error', (cause) => abandon(started, new Error('the tagger thread crashed', { cause })));
    started.on('exit', (code) => abandon(started, new Error(`the tagger thread ended with code ${code}`)));
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
    idle = setTimeout(() => void stop(new Error('the tagger thread was idle')), deps.idleMs);
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

  function ask(request: Omit<TagRequest, 'id'>): Promise<TagReply> {
    clearTimeout(idle);
    worker ??= start();
    worker.ref();
    const id = nextId++;
    const sent = worker;
    return new Promise((resolve, reject) => {
      pending.set(id, { resolve, reject });
      sent.postMessage({ ...request, id } satisfies TagRequest);
    });
  }

  /** Calls that miss the same tagger at the same time read it once. */
  async function askWithBytes(tagger: TaggerRef, question: Question): Promise<TagReply> {
    const bytes = reading.get(tagger.sha256) ?? tagger.read();
    reading.set(tagger.sha256, bytes);
    try {
      return await ask({ ...question, bytes: await bytes });
    } finally {
      reading.delete(tagger.sha256);
    }
  }

  return {
    async tag(tagger: TaggerRef, texts: Question['texts'], hints: Question['hints']): Promise<TaggedField[][]> {
      const question = { sha256: tagger.sha256, texts, hints };
      let reply = await ask(question);
      if (reply.kind === 'tagger-missing') reply = await askWithBytes(tagger, question);
      if (reply.kind === 'tagged') return reply.results;
      throw new Error(reply.kind === 'failed' ? reply.message : `tagger ${tagger.sha256} is missing`);
    },
    stop,
  };
}
