import type { Clock } from '#ports/clock.ts';
import type { Log } from '#ports/log.ts';
import type { TaskStore } from '#ports/storage.ts';

/** A lease that this process holds, while its handler runs. */
export type Held = {
  readonly id: string;
  readonly token: string;
  /** When the lease runs out unless a heartbeat extends it. */
  until: number;
  /** 0…1, never less than before. */
  progress: number;
  abort(reason: 'cancelled' | 'lease-lost' | 'shutdown'): void;
};

export interface Heartbeat {
  /** From now on extended every `heartbeatMs`. An older lease on the same task is lost by that. */
  hold(held: Held): void;
  /** Not extended any more; nothing is told about it any more. */
  letGo(held: Held): void;
  held(): Held[];
  stop(): void;
}

/**
 * One heartbeat for all leases: one write that extends them and carries their progress, and whose answer brings back who was cancelled and what was lost.
 * A heartbeat that fails is logged and leaves everything as it is: the store cannot give the tasks away while it is away.
 */
export function createHeartbeat(deps: {
  tasks: Pick<TaskStore, 'extend'>;
  clock: Clock;
  log: Log;
  leaseMs: number;
  heartbeatMs: number;
}): Heartbeat {
  const { tasks, clock, log, leaseMs, heartbeatMs } = deps;
  const leases = new Map<string, Held>();
  let timer: NodeJS.Timeout | undefined;
  let beating = false;
  let stopped = false;

  function arm(): void {
    if (timer !== undefined || beating || stopped || leases.size === 0) return;
    timer = setTimeout(() => void beat(), heartbeatMs);
  }

  async function beat(): Promise<void> {
    timer = undefined;
    const now = [...leases.values()];
    if (now.length === 0) return;
    beating = true;
    try {
      await extend(now);
    } catch (err) {
      log.warn({ err, leases: now.length }, 'heartbeat failed, leases not extended');
    }
    beating = false;
    arm();
  }

  async function extend(beaten: Held[]): Promise<void> {
    const until = clock.now() + leaseMs;
    const answer = await tasks.extend(
      beaten.map(({ id, token, progress }) => ({ id, token, progress })),
      until,
    );
    const lost = new Set(answer.lost);
    const cancelled = new Set(answer.cancelled);
    for (const held of beaten) {
      // Let go while the answer was on its way: its settlement decides, and explains a loss as well.
      if (leases.get(held.id) !== held) continue;
      if (lost.has(held.id)) {
        leases.delete(held.id);
        held.abort('lease-lost');
        continue;
      }
      held.until = until;
      if (cancelled.has(held.id)) held.abort('cancelled');
    }
  }

  return {
    hold(held) {
      leases.get(held.id)?.abort('lease-lost');
      leases.set(held.id, held);
      arm();
    },
    letGo(held) {
      if (leases.get(held.id) === held) leases.delete(held.id);
    },
    held: () => [...leases.values()],
    stop() {
      stopped = true;
      clearTimeout(timer);
      timer = undefined;
    },
  };
}
