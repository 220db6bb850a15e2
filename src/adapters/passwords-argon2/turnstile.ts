import { AppError } from '#domain/errors.ts';

/**
 * At most `width` of the functions given to it run at once, at most `queue` wait, first come first served; the next is refused.
 * Errors: `AppError('rate-limited')` when the queue is full, and whatever the function rejects with.
 */
export function createTurnstile(width: number, queue: number): <T>(work: () => Promise<T>) => Promise<T> {
  let running = 0;
  const waiting: (() => void)[] = [];

  return async (work) => {
    if (running >= width) {
      if (waiting.length >= queue) {
        throw new AppError('rate-limited', {
          detail: 'Too many passwords are being checked at once.',
          retryAfterSeconds: 2,
        });
      }
      // The one who leaves hands its place over, so `running` stays as it is.
      await new Promise<void>((enter) => waiting.push(enter));
    } else {
      running += 1;
    }
    try {
      return await work();
    } finally {
      const next = waiting.shift();
      if (next) next();
      else running -= 1;
    }
  };
}
