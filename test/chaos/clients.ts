import { setTimeout as pause } from 'node:timers/promises';
import type { Installation } from '../stack/installation.ts';

/** What a client got for one request. Times are of the clock of `performance.now()`. */
export type Answer = {
  sentAt: number;
  ms: number;
  /** 0 when the connection broke. */
  status: number;
  retryAfter: string | undefined;
  code: string | undefined;
};

// biome-ignore lint/suspicious/noExplicitAny: a receipt is compared as a whole.
export type Acknowledged = { key: string; responseId: string; receipt: any; sentAt: number };

export type Load = {
  answers: Answer[];
  /** Nothing new is sent; resolves when each client has a 202 for what it sent last, or after `ms`: to the keys that have none. */
  stop(ms: number): Promise<string[]>;
};

/** Between an answer and the next request. With four clients below nginx's limit for one address (10 a second): the limit is no fault. */
const betweenMs = 1000;

/**
 * Clients that send responses through nginx, each under a key of its own, and send again under the same key what was not answered with 202. They do not wait
 * as long as `Retry-After` says: every second of a fault is to be seen.
 */
export function startLoad(options: {
  ask: Installation['ask'];
  form: string;
  clients: number;
  name: string;
  onAcknowledged(one: Acknowledged): void;
}): Load {
  const { ask, form, name } = options;
  const answers: Answer[] = [];
  let stopped = false;
  let givenUp = false;

  async function send(key: string): Promise<boolean> {
    const sentAt = performance.now();
    const body = { answers: { name: key, message: `Please write to ${key}@example.org about the order.` } };
    const reply = await ask('POST', `/api/v1/forms/${form}/responses`, {
      body,
      headers: { 'idempotency-key': key },
    }).catch(() => undefined);
    answers.push({
      sentAt,
      ms: performance.now() - sentAt,
      status: reply?.status ?? 0,
      retryAfter: reply?.headers['retry-after'] as string | undefined,
      code: reply?.body.code,
    });
    if (reply?.status !== 202) return false;
    options.onAcknowledged({ key, responseId: reply.body.response_id, receipt: reply.body.receipt, sentAt });
    return true;
  }

  /** Resolves to the key that was never answered, if there is one. */
  async function client(nth: number): Promise<string | undefined> {
    await pause((nth * betweenMs) / options.clients);
    for (let n = 0; !stopped; n += 1) {
      const key = `${name}-${nth}-${n}`;
      while (!(await send(key))) {
        if (givenUp) return key;
        await pause(betweenMs);
      }
      await pause(betweenMs);
    }
    return undefined;
  }

  const running = Array.from({ length: options.clients }, (_, nth) => client(nth));
  return {
    answers,
    async stop(ms) {
      stopped = true;
      const timer = setTimeout(() => {
        givenUp = true;
      }, ms);
      const left = await Promise.all(running);
      clearTimeout(timer);
      return left.filter((key) => key !== undefined);
    },
  };
}
