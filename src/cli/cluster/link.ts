import cluster from 'node:cluster';
import type { Program } from '#compose.ts';
import { type Answers, beatMs, type Order, type Question, type Report } from './messages.ts';

export type Link = {
  /** The program runs: from now on the supervisor is answered and obeyed. */
  serve(program: Program, orders: { drain: () => void; stop: () => void }): void;
  /** Tells what was counted, as the last thing before the end. */
  farewell(program: Program): Promise<void>;
};

/** The side of an API process that a supervisor has started; undefined in any other. Beats from now on, so that a start that hangs is noticed too. */
export function linkToSupervisor(): Link | undefined {
  if (!cluster.isWorker) return undefined;
  const beat = () => void report({ kind: 'beat', rss: process.memoryUsage.rss() });
  beat();
  setInterval(beat, beatMs).unref();
  // Only the supervisor decides what the end of a terminal means.
  process.on('SIGHUP', () => {});
  // There is nothing to finish before the program runs.
  const stopEarly = ({ kind }: Order) => {
    if (kind !== 'ask') process.exit(0);
  };
  process.on('message', stopEarly);

  return {
    serve(program, { drain, stop }) {
      const answers: { [Q in Question]: () => Promise<Answers[Q]> } = {
        metrics: () => program.metrics.snapshot(),
        ready: () => program.ready().then(() => true as const),
      };
      process.off('message', stopEarly);
      process.on('message', (order: Order) => {
        if (order.kind === 'drain') drain();
        else if (order.kind === 'stop') stop();
        else void answers[order.what]().then(answer(order.id), () => answer(order.id)(undefined));
      });
      void report({ kind: 'listening', url: program.url! });
    },
    farewell: async ({ metrics }) => report({ kind: 'last', metrics: await metrics.counted() }),
  };
}

const answer = (id: number) => (value: unknown) => void report({ kind: 'answer', id, value });

/** Resolves when it is written. Errors: none; without a supervisor this process is about to end. */
function report(what: Report): Promise<void> {
  return new Promise((resolve) => {
    if (process.connected) process.send!(what, undefined, undefined, () => resolve());
    else resolve();
  });
}
