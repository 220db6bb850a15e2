import type { Pruning } from '#app/pruning.ts';
import type { Handler } from '../registry.ts';

export function prune(pruning: Pruning): Handler<'prune'> {
  return async ({ signal }) => ({ done: { ...(await pruning.prune(signal)) } });
}
