import { Worker } from 'node:worker_threads';

/**
 * A thread that answers questions: started by the first one, ended after `idleMs` without one, started anew after a crash.
 * It keeps the process alive only while a call is waiting.
 */
export function createAskedThread<Request extends { id: number }, Reply extends { id: number }>(deps: {
  entry: URL;
  /** Given to the thread as its `workerData`. */
  purpose: object;
  /** For messages, such as `classifier`. */
  name: string;
  idleMs: number;
}) {
  type Pending = { resolve: (reply: Reply) => void; reject: (error: Error) => void };
  let worker: Worker | undefined;
  let idle: NodeJS.Timeout | undefined;
  let nextId = 1;
  const pending = new Map<number, Pending>();

  function start(): Worker {
    const started = new Worker(deps.entry, { workerData: deps.purpose });
    started.unref();
    started.on('message', (reply: Reply) => settle(reply.id, (call) => call.resolve(reply)));
    started.on('error', (cause) => abandon(started, new Error(`the ${deps.name} thread crashed`, { cause })));
    started.on('exit', (code) => abandon(started, new Error(`the ${deps.name} thread ended with code ${code}`)));
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
    idle = setTimeout(() => void stop(new Error(`the ${deps.name} thread was idle`)), deps.idleMs);
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

  function ask(request: Omit<Request, 'id'>): Promise<Reply> {
    clearTimeout(idle);
    worker ??= start();
    worker.ref();
    const id = nextId++;
    const sent = worker;
    return new Promise((resolve, reject) => {
      pending.set(id, { resolve, reject });
      sent.postMessage({ ...request, id });
    });
  }

  return { ask, stop };
}
