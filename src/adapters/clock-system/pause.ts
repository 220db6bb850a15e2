import { setTimeout } from 'node:timers/promises';
import type { Pause } from '#ports/clock.ts';

export const systemPause: Pause = async (ms, signal) => {
  await setTimeout(ms, undefined, { signal, ref: false }).catch(() => signal?.throwIfAborted());
};
