import { deliveryStats, type EndpointStats, type KindStats, taskStats } from '#domain/operations-stats.ts';
import type { Task } from '#domain/task.ts';
import type { DeliveryAttempt } from '#domain/webhook/model.ts';
import type { Clock } from '#ports/clock.ts';
import type { Storage } from '#ports/storage.ts';
import { pages } from '../every.ts';

type Deps = { storage: Pick<Storage, 'list' | 'tasks'>; clock: Clock };

/** `from`: epoch ms. `complete`: nothing of the time was left out for being too much; the newest count then. */
export type OperationsStats = {
  from: number;
  tasks: { complete: boolean; kinds: KindStats[] };
  deliveries: { complete: boolean; endpoints: EndpointStats[] };
};

const pageSize = 500;

/** How tasks and deliveries went: from the store's own rows, the newest first. */
export function createOperationsStats({ storage, clock }: Deps) {
  /** Of the last `hours`, at most `limit` tasks and as many attempts of deliveries. Errors: those of the store. */
  async function stats({ hours, limit }: { hours: number; limit: number }): Promise<OperationsStats> {
    const from = clock.now() - hours * 3_600_000;
    const [tasks, attempts] = await Promise.all([tasksSince(from, limit), attemptsSince(from, limit)]);
    return {
      from,
      tasks: { complete: tasks.complete, kinds: taskStats(tasks.items) },
      deliveries: { complete: attempts.complete, endpoints: deliveryStats(attempts.items) },
    };
  }

  async function tasksSince(from: number, limit: number): Promise<{ items: Task[]; complete: boolean }> {
    const items: Task[] = [];
    const found = pages((after) => storage.tasks.list({ limit: Math.min(pageSize, limit - items.length), after }));
    for await (const page of found) {
      const fresh = page.items.filter(({ createdAt }) => createdAt >= from);
      items.push(...fresh);
      // Newest first: the rest is older.
      if (fresh.length < page.items.length) break;
      if (items.length === limit) return { items, complete: page.next === undefined };
    }
    return { items, complete: true };
  }

  async function attemptsSince(from: number, limit: number): Promise<{ items: DeliveryAttempt[]; complete: boolean }> {
    const items: DeliveryAttempt[] = [];
    const wish = { from, newestFirst: true };
    const found = pages((after) =>
      storage.list('attempt', { ...wish, limit: Math.min(pageSize, limit - items.length), after }),
    );
    for await (const page of found) {
      items.push(...page.items.map(({ doc }) => doc));
      if (items.length === limit) return { items, complete: page.next === undefined };
    }
    return { items, complete: true };
  }

  return { stats };
}
export type OperationsStatsUseCase = ReturnType<typeof createOperationsStats>;
