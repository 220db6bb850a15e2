import { ModelError } from '#domain/model-error.ts';

export type Gate = {
  /** Waits for a place beside the calls under way, in the order of coming. Errors: `model-busy`, the reason of `signal`. */
  enter(waitMs: number, signal?: AbortSignal): Promise<void>;
  /** Gives the place back. `tookMs`: of a call that ended well, how long it had the place; `aloneMs`: what it would have taken alone on a quiet machine. */
  leave(call?: { tookMs: number; aloneMs: number }): void;
  /** There is room for so many from now on. */
  open(most: number): void;
  state(): { running: number; waiting: number; limit: number };
};

/** A call that takes longer, and twice as long as it would alone, has too many beside it. A response shall be read within 10 s. */
const slowMs = 7_000;

/**
 * Calls run side by side up to a limit that follows what they take. Side by side the model writes more a second, but each call takes longer; when other programs
 * use the processors, much longer. So a slow call halves the limit, and as many quick ones as there are places add one to it, up to what there is room for
 * (additive increase, multiplicative decrease, as TCP does).
 */
export function createGate({ mostWaiting }: { mostWaiting: number }): Gate {
  const queue: (() => void)[] = [];
  let most = 1;
  let limit = 1;
  let running = 0;
  let quick = 0;
  /** Calls that had begun when the limit was halved say nothing about the new one. */
  let oldCalls = 0;

  function letIn(): void {
    while (running < limit && queue.length > 0) {
      running += 1;
      queue.shift()!();
    }
  }

  function learn({ tookMs, aloneMs }: { tookMs: number; aloneMs: number }): void {
    if (oldCalls > 0) {
      oldCalls -= 1;
    } else if (tookMs > slowMs && tookMs > 2 * aloneMs) {
      limit = Math.max(1, Math.floor(limit / 2));
      [quick, oldCalls] = [0, running];
    } else if (tookMs < slowMs / 2 && running + 1 >= limit && ++quick >= limit) {
      limit = Math.min(most, limit + 1);
      quick = 0;
    }
  }

  function turn(waitMs: number, signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve, reject) => {
      const leave = (err: unknown) => {
        queue.splice(queue.indexOf(mine), 1);
        done();
        reject(err);
      };
      const late = () => leave(new ModelError('model-busy', `No place was free within ${waitMs / 1000} s.`));
      const abort = () => leave(signal?.reason);
      const timer = setTimeout(late, waitMs);
      const done = () => {
        clearTimeout(timer);
        signal?.removeEventListener('abort', abort);
      };
      const mine = () => {
        done();
        resolve();
      };
      signal?.addEventListener('abort', abort, { once: true });
      queue.push(mine);
    });
  }

  return {
    async enter(waitMs, signal) {
      signal?.throwIfAborted();
      if (running < limit) {
        running += 1;
        return;
      }
      if (queue.length >= mostWaiting)
        throw new ModelError('model-busy', `${queue.length} calls are waiting for the model already.`);
      await turn(waitMs, signal);
    },
    leave(call) {
      running -= 1;
      if (call) learn(call);
      else oldCalls = Math.max(0, oldCalls - 1);
      letIn();
    },
    open(places) {
      [most, limit] = [places, places];
      letIn();
    },
    state: () => ({ running, waiting: queue.length, limit }),
  };
}
