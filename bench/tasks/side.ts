import type { NewTask } from '../../src/domain/task.ts';
import { newTask } from '../../src/domain/task-kinds.ts';
import type { Ids } from '../../src/ports/ids.ts';

/** One of the two that are compared, on a data directory of its own. */
export type Side = {
  /** Resolves when that many more tasks were committed, claimed and completed. */
  run(count: number): Promise<void>;
  /** Tasks in the store that have succeeded in their first attempt. */
  succeeded(): Promise<number>;
  close(): Promise<void>;
};

/** The same row on both sides. */
export function nextTask(ids: Pick<Ids, 'next'>): NewTask {
  return newTask('seal-audit', { id: ids.next('tsk'), payload: { tick: 1 }, now: Date.now() });
}
