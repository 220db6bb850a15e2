import type { Pruning } from '#app/pruning.ts';
import type { TaskStore } from '#ports/storage.ts';
import type { Handler, HandlerOutcome } from '../registry.ts';
import { type Schedule, tickTaskId } from '../schedule.ts';
import { everyTicks } from '../ticks.ts';

export const pruneSchedule = { name: 'prune', kind: 'prune', everyMs: 3_600_000 } as const satisfies Schedule;
const ticks = everyTicks(pruneSchedule.everyMs);

/**
 * Removes what is past its time at the tick, whatever the clock says by now, and only where the tick before is in the store too. A clock that leaps days ahead
 * makes a tick that has none before it, so what should be kept for days is not forgotten by a clock that is wrong for less than an hour. Ticks are kept where
 * every process sees them: it needs no memory of its own, and the first one after a start or a pause of the machine leaves its work to the second.
 */
export function prune(pruning: Pruning, tasks: Pick<TaskStore, 'get'>): Handler<'prune'> {
  return async ({ payload: { tick }, signal }): Promise<HandlerOutcome> => {
    const before = ticks.last(ticks.last(tick)! - 1)!;
    if (!(await tasks.get(tickTaskId(pruneSchedule.name, before)))) return { done: { left: 'to the next tick' } };
    return { done: { ...(await pruning.prune(tick, signal)) } };
  };
}
