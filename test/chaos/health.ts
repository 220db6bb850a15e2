import { setTimeout as pause } from 'node:timers/promises';
import type { Installation } from '../stack/installation.ts';

export type Finding = { sentAt: number; ms: number; status: number; failing: string[]; retryAfter: string | undefined };

const everyMs = 500;

/** Asks through nginx again and again whether the API may serve. */
export function watchHealth({ ask }: Pick<Installation, 'ask'>): { stop(): Promise<Finding[]> } {
  const seen: Finding[] = [];
  let stopped = false;
  async function watch(): Promise<void> {
    while (!stopped) {
      const sentAt = performance.now();
      const reply = await ask('GET', '/health/ready').catch(() => undefined);
      seen.push({
        sentAt,
        ms: performance.now() - sentAt,
        status: reply?.status ?? 0,
        failing: reply?.body.failing ?? [],
        retryAfter: reply?.headers['retry-after'] as string | undefined,
      });
      await pause(everyMs);
    }
  }
  const watching = watch();
  return {
    async stop() {
      stopped = true;
      await watching;
      return seen;
    },
  };
}
