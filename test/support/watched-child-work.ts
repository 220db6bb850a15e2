/** A watched child that does as it is told: for test/integration/watched-child.test.ts. */
import { setTimeout } from 'node:timers/promises';
import { CallError, serveParent } from '../../src/adapters/child-process/child-side.ts';

export type Order =
  | { do: 'echo'; text: string }
  | { do: 'wait'; ms: number; deaf?: boolean }
  | { do: 'count'; to: number }
  | { do: 'spin' }
  | { do: 'grow'; bytes: number }
  | { do: 'exit'; code: number }
  | { do: 'refuse'; fault: string };

const kept: Buffer[] = [];

serveParent<{ fail?: string; readyAfterMs?: number }, { pid: number }, Order, string>({
  standing: 'understanding',
  async start({ fail, readyAfterMs = 0 }) {
    await setTimeout(readyAfterMs);
    if (fail !== undefined) throw new Error(fail);
    return { pid: process.pid };
  },
  async call(order, { signal, progress }) {
    switch (order.do) {
      case 'echo':
        return order.text;
      case 'wait':
        await setTimeout(order.ms, undefined, order.deaf ? {} : { signal });
        return 'waited';
      case 'count':
        for (let i = 1; i <= order.to; i++) progress(i);
        return 'counted';
      case 'spin':
        for (;;);
      case 'grow':
        kept.push(Buffer.alloc(order.bytes, 1));
        await setTimeout(60_000);
        return 'grown';
      case 'exit':
        return process.exit(order.code);
      case 'refuse':
        throw new CallError(order.fault, 'as it was told');
    }
  },
});
