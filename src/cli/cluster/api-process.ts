import cluster, { type Worker } from 'node:cluster';
import { once } from 'node:events';
import type { MetricsSnapshot } from '#compose.ts';
import type { Answers, Order, Question, Report } from './messages.ts';

export type End = { code: number | null; signal: string | null };

/** What is known of a process: `starting → serving → leaving → gone`, and from each of them to gone. */
export type Seen = {
  state: 'starting' | 'serving' | 'leaving' | 'gone';
  /** Bytes of memory that it held at its last beat; undefined before the first. */
  rss: number | undefined;
  /** By `performance.now()`; undefined until it accepts requests. */
  servingSince: number | undefined;
  /** In a row, as `tick` counted them. */
  missedBeats: number;
  /** What it said of its metrics last. */
  metrics: MetricsSnapshot | undefined;
};

/** An API process as its supervisor has it. */
export interface ApiProcess {
  readonly pid: number | undefined;
  readonly seen: Readonly<Seen>;
  /** Resolves once it accepts requests; never when it does not come that far. */
  readonly listening: Promise<{ url: string }>;
  readonly gone: Promise<End>;
  /**
   * Called once for each beat that is due. The supervisor's own ticks are the clock: they stand still while the machine is suspended or the container frozen, when
   * no process could beat, and no clock of the system does so for both.
   */
  tick(): void;
  /** Its answer; undefined when it has none, or not within `ms`. */
  ask<Q extends Question>(what: Q, ms: number): Promise<Answers[Q] | undefined>;
  /** Asks it to end, and kills it when it has not after `killAfterMs`. */
  leave(how: 'drain' | 'stop', killAfterMs: number): void;
  kill(): void;
}

/** Starts this very program again, as an API process of this one. */
export function forkApiProcess(): ApiProcess {
  const worker = cluster.fork();
  const listening = Promise.withResolvers<{ url: string }>();
  const pending = new Map<number, (value: unknown) => void>();
  const seen: Seen = { state: 'starting', rss: undefined, servingSince: undefined, missedBeats: 0, metrics: undefined };
  let asked = 0;

  worker.on('message', (report: Report) => {
    seen.missedBeats = 0;
    if (report.kind === 'beat') seen.rss = report.rss;
    else if (report.kind === 'last') seen.metrics = report.metrics;
    else if (report.kind === 'answer') pending.get(report.id)?.(report.value);
    else {
      if (seen.state === 'starting') seen.state = 'serving';
      seen.servingSince = performance.now();
      listening.resolve({ url: report.url });
    }
  });
  const gone = endOf(worker).then((end) => {
    seen.state = 'gone';
    for (const settle of pending.values()) settle(undefined);
    return end;
  });
  const tell = (order: Order) => {
    if (worker.isConnected()) worker.send(order, () => {});
  };
  const kill = () => void worker.process.kill('SIGKILL');

  return {
    pid: worker.process.pid,
    seen,
    listening: listening.promise,
    gone,
    tick() {
      seen.missedBeats += 1;
    },
    async ask<Q extends Question>(what: Q, ms: number) {
      asked += 1;
      const id = asked;
      const { promise, resolve } = Promise.withResolvers<unknown>();
      pending.set(id, resolve);
      const late = setTimeout(resolve, ms, undefined);
      tell({ kind: 'ask', id, what });
      const value = (await promise) as Answers[Q] | undefined;
      clearTimeout(late);
      pending.delete(id);
      return value;
    },
    leave(how, killAfterMs) {
      if (seen.state === 'gone') return;
      seen.state = 'leaving';
      tell({ kind: how });
      const late = setTimeout(kill, killAfterMs);
      void gone.then(() => clearTimeout(late));
    },
    kill,
  };
}

async function endOf(worker: Worker): Promise<End> {
  // A process that cannot be started, for want of memory or of process ids, has no exit.
  const failed = new Promise<End>((resolve) => worker.once('error', () => resolve({ code: null, signal: null })));
  // What it said last may be read after its exit is known, but not after its channel is closed.
  const ended = Promise.all([once(worker.process, 'exit'), once(worker.process, 'disconnect')]);
  return Promise.race([failed, ended.then(([[code, signal]]): End => ({ code, signal }))]);
}
