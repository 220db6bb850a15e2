import type { Log } from '#ports/log.ts';
import type { Metrics } from '#ports/metrics.ts';
import { configExit } from '../settings.ts';
import type { ApiProcess, End } from './api-process.ts';

/*
 *                    ┌──── died, hung: at once, and later and later while it dies young ────┐
 *                    ▼                                                                      │
 *   place ──fork──▶ starting ──▶ serving ──▶ leaving ──▶ gone                               │
 *                                   └──────────────────────────── gone unasked ────────────┘
 *
 * A place has one process. To replace it another one is started first; once that listens, it has the place, and the old one is asked to leave.
 */

/** Milliseconds, but for the counts. */
export const supervisorTimes = {
  /** A process that ends sooner after it began to serve has died young. */
  youngMs: 10_000,
  /** Deaths at one place in a row, all young, after which the supervisor gives up. */
  mostYoungDeaths: 5,
  /** Before the second try, doubled with each. */
  backoffMs: 250,
  /** Before a place is tried again whose process was refused its configuration, or could not be replaced, while others serve. */
  patienceMs: 30_000,
  /** Beats after which a process hangs, and those it may take to the first: a busy machine loads modules slowly. */
  missedBeats: 10,
  missedFirstBeats: 60,
  /** What the end of a process may take beyond its grace: to sign, to close the store. */
  closingMs: 5000,
};

type Reason = 'died' | 'hung' | 'memory' | 'reload';
type Place = {
  process: ApiProcess | undefined;
  youngDeaths: number;
  retry: NodeJS.Timeout | undefined;
  /** Its process is on the list of those to be replaced for their memory. */
  growing: boolean;
};

export type Supervisor = {
  /** Starts the first process alone, which makes the first administrator, and the others once it serves. */
  start(): Promise<void>;
  /** Replaces every process, one after another. */
  reload(): Promise<void>;
  /** Every process stops in order. */
  stop(): void;
  /** To be called at every beat. */
  tick(): void;
  /** The exit code, once no process is left. */
  readonly ended: Promise<number>;
};

export function createSupervisor(deps: {
  places: number;
  fork: () => ApiProcess;
  log: Log;
  metrics: Pick<Metrics, 'count'>;
  graceMs: number;
  memoryBytes: number;
  /** Tells the operator why it ends. */
  explain: (sentence: string) => void;
  times?: Partial<typeof supervisorTimes>;
}): Supervisor {
  const { log, metrics, graceMs } = deps;
  const times = { ...supervisorTimes, ...deps.times };
  const places: Place[] = Array.from({ length: deps.places }, () => ({
    process: undefined,
    youngDeaths: 0,
    retry: undefined,
    growing: false,
  }));
  /** Those that have no place, not yet or no longer, too. */
  const alive = new Set<ApiProcess>();
  const hung = new WeakSet<ApiProcess>();
  const up = Promise.withResolvers<void>();
  const ended = Promise.withResolvers<number>();
  let exitCode: number | undefined;
  let exchanges: Promise<unknown> = Promise.resolve();
  let reloads: { running: Promise<void>; again: boolean } | undefined;

  function fork(): ApiProcess {
    const process = deps.fork();
    alive.add(process);
    void process.listening.then(() => up.resolve());
    void process.gone.then(() => alive.delete(process));
    return process;
  }

  function give(place: Place, process: ApiProcess): void {
    clearTimeout(place.retry);
    place.process = process;
    void process.gone.then((end) => {
      if (place.process === process && exitCode === undefined) died(place, process, end);
    });
  }

  function died(place: Place, process: ApiProcess, end: End): void {
    const { servingSince } = process.seen;
    place.process = undefined;
    const reason: Reason = hung.has(process) ? 'hung' : 'died';
    metrics.count('formstead_api_replacements_total', { reason });
    const refused = end.code === configExit;
    // It has said itself what is wrong. Nobody is served by trying again, and by ending only while nobody is.
    if (refused && !isServed()) {
      finish(configExit);
      return;
    }
    const young = servingSince === undefined || performance.now() - servingSince < times.youngMs;
    if (!refused) place.youngDeaths = young ? place.youngDeaths + 1 : 0;
    if (place.youngDeaths >= times.mostYoungDeaths) {
      deps.explain(
        `Formstead gives up: an API process has ended ${place.youngDeaths} times in a row, each time within ${times.youngMs / 1000} s. Its log says why.`,
      );
      finish(1);
      return;
    }
    const waitMs = refused ? times.patienceMs : young ? times.backoffMs * 2 ** (place.youngDeaths - 1) : 0;
    log.error({ pid: process.pid, ...end, reason, waitMs }, 'an API process has ended unasked, another one is started');
    place.retry = setTimeout(() => give(place, fork()), waitMs);
  }

  const isServed = (): boolean => places.some(({ process }) => process?.seen.state === 'serving');

  /** One at a time: there is memory for one more process than there are places. False when no other one could take its place. */
  function replace(place: Place, old: ApiProcess, reason: Reason): Promise<boolean> {
    const done = exchanges.then(async () => {
      // What has ended meanwhile has been followed by another already.
      if (exitCode !== undefined || place.process !== old || old.seen.state !== 'serving') return true;
      const fresh = fork();
      const end = await Promise.race([fresh.listening.then(() => undefined), fresh.gone]);
      if (end !== undefined) {
        if (exitCode === undefined)
          log.error({ pid: old.pid, ...end, reason }, 'an API process could not be replaced, it goes on');
        return false;
      }
      give(place, fresh);
      metrics.count('formstead_api_replacements_total', { reason });
      log.info({ pid: old.pid, by: fresh.pid, reason }, 'API process replaced');
      // First what is on its connections is waited for, then what may still be under way.
      old.leave('drain', 2 * graceMs + times.closingMs);
      await old.gone;
      return true;
    });
    exchanges = done;
    return done;
  }

  async function reloadAll(): Promise<void> {
    for (const place of places) {
      if (place.process === undefined || (await replace(place, place.process, 'reload'))) continue;
      log.error({}, 'reload abandoned: what is new does not start');
      return;
    }
    log.info({}, 'reloaded');
  }

  function look(place: Place): void {
    const { process } = place;
    if (process === undefined || place.growing) return;
    const { rss = 0, state, servingSince } = process.seen;
    const servedMs = servingSince === undefined ? 0 : performance.now() - servingSince;
    // A mark below what every process needs would else start one after another without a pause.
    if (state !== 'serving' || rss <= deps.memoryBytes || servedMs < times.youngMs) return;
    log.warn({ pid: process.pid, rss, mark: deps.memoryBytes, servedMs }, 'API process above its memory mark');
    place.growing = true;
    void replace(place, process, 'memory').then((replaced) => {
      if (replaced) place.growing = false;
      else setTimeout(() => (place.growing = false), times.patienceMs).unref();
    });
  }

  function finish(code: number): void {
    if (exitCode !== undefined) return;
    exitCode = code;
    for (const { retry } of places) clearTimeout(retry);
    for (const process of alive) process.leave('stop', graceMs + times.closingMs);
    void Promise.all([...alive].map(({ gone }) => gone)).then(() => ended.resolve(code));
  }

  return {
    ended: ended.promise,
    stop: () => finish(0),
    async start() {
      const [first, ...others] = places;
      give(first!, fork());
      await Promise.race([up.promise, ended.promise]);
      if (exitCode === undefined) for (const place of others) give(place, fork());
    },
    async reload() {
      if (reloads) reloads.again = true;
      else {
        reloads = { running: reloadAll(), again: false };
        await reloads.running;
        const { again } = reloads;
        reloads = undefined;
        if (again) await this.reload();
      }
    },
    tick() {
      for (const process of alive) {
        process.tick();
        const { missedBeats, rss } = process.seen;
        if (missedBeats <= (rss === undefined ? times.missedFirstBeats : times.missedBeats) || hung.has(process))
          continue;
        hung.add(process);
        log.error({ pid: process.pid, missedBeats }, 'API process hangs, it is killed');
        process.kill();
      }
      for (const place of places) look(place);
    },
  };
}
