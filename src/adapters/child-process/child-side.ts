import { type Standing, standBack } from './niceness.ts';
import { notInstalled } from './packages.ts';
import { beatMs, type FromChild, type ToChild } from './protocol.ts';

/** A call that failed in a way that the parent tells apart. */
export class CallError extends Error {
  readonly fault: string;
  constructor(fault: string, message: string) {
    super(message);
    this.fault = fault;
  }
}

export type ServedCall = { signal: AbortSignal; progress: (data: unknown) => void };

/**
 * Makes this process a watched child: `start` gets ready (what it returns travels to the parent), `call` answers one call; several run at once.
 * A `start` that throws makes the child unfit: its parent starts no other.
 */
export function serveParent<Start, Ready, Call, Answer>(work: {
  /** Who waits for its answers. */
  standing: Standing;
  start: (data: Start) => Promise<Ready>;
  call: (data: Call, served: ServedCall) => Promise<Answer>;
  /** Between two words about its memory. Shorter for work that takes a gigabyte in half a second; default as long as between two beats. */
  beatEveryMs?: number;
}): void {
  const say = (message: FromChild): void => void process.send?.(message);
  // The parent is gone, and nobody waits for an answer. A model works on threads of its own; only a kill stops them at once.
  process.on('disconnect', () => process.kill(process.pid, 'SIGKILL'));
  standBack(work.standing);
  setInterval(() => say({ type: 'beat', memoryBytes: process.memoryUsage.rss() }), work.beatEveryMs ?? beatMs).unref();

  const running = new Map<number, AbortController>();
  async function answer(id: number, data: Call): Promise<void> {
    const stop = new AbortController();
    running.set(id, stop);
    try {
      const progress = (piece: unknown) => say({ type: 'progress', id, data: piece });
      say({ type: 'answer', id, data: await work.call(data, { signal: stop.signal, progress }) });
    } catch (err) {
      const message = err instanceof Error ? err.message : String(err);
      say({ type: 'error', id, fault: err instanceof CallError ? err.fault : undefined, message });
    } finally {
      running.delete(id);
    }
  }

  process.on('message', (message: ToChild) => {
    switch (message.type) {
      case 'start':
        work.start(message.data as Start).then(
          (data) => say({ type: 'ready', data }),
          (err: unknown) => say({ type: 'unfit', message: err instanceof Error ? err.message : String(err) }),
        );
        return;
      case 'call':
        void answer(message.id, message.data as Call);
        return;
      case 'cancel':
        running.get(message.id)?.abort();
    }
  });
}

/** A module of the work, or in a sentence for the operator why it cannot be loaded: its package is not there. */
export async function loaded<M>(module: Promise<M>): Promise<M> {
  try {
    return await module;
  } catch (err) {
    const { code, message } = err as NodeJS.ErrnoException;
    const [, name] = /^Cannot find package '([^']+)'/.exec(message) ?? [];
    if (code !== 'ERR_MODULE_NOT_FOUND' || name === undefined) throw err;
    throw new Error(notInstalled(name), { cause: err });
  }
}
