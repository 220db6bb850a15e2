import { mkdir, mkdtemp, rm, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { type Ending, startWatchedChild, type WatchedChild } from '#adapters/child-process/watched-child.ts';
import { QueryError } from '#domain/query-error.ts';
import type { EngineAnswer, EngineCall, EngineStart } from './protocol.ts';

type Child = WatchedChild<EngineCall, EngineAnswer, never>;

/** One question in one life of the process. */
export type Seat = {
  child: Child;
  /** A folder of its own for what does not fit into the memory; not made yet. */
  spill: string;
  /** Whether an end for memory is its own fault: no other question was in the process meanwhile, and the process has said since then that it was within its mark. */
  isToBlame(): boolean;
  leave(): void;
};

type Life = { child: Child; spill: string; over: boolean };

export type ProcessSettings = {
  start: EngineStart;
  /** Questions at once. */
  places: number;
  /** For what does not fit into the memory; a folder of each life's own is made in it. */
  folder: string;
  idleMs: number;
  onStart?: (pid: number) => void;
  onEnd?: (ending: Ending) => void;
};

/** How long a call may take to stop. DuckDB saw an interrupt after 18 s once. */
const graceMs = 1000;
/** After a start that failed. */
const pauseMs = 5000;

/** Keeps the folder from being taken for what a killed process left behind, and makes it again where it was. */
async function freshened(folder: string): Promise<void> {
  const now = new Date();
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    await utimes(folder, now, now);
  } catch (err) {
    throw new QueryError('engine-unavailable', 'The folder of the engine cannot be used.', { cause: err });
  }
}

/**
 * The DuckDB process: started for the first question, ended after `idleMs` without one, and started again at once after it was killed, since to be killed is
 * the common end of a bad question. Only a start that fails is not tried again for a while.
 */
export function createEngineProcess(settings: ProcessSettings) {
  let current: Promise<Life> | undefined;
  const seats = new Set<{ shared: boolean; within: boolean }>();
  const closing = new AbortController();
  let idle: NodeJS.Timeout | undefined;
  let failedUntil = 0;
  let nextSpill = 1;

  async function begin(): Promise<Life> {
    const spill = await mkdtemp(join(settings.folder, 'spill-'));
    const sweep = () => rm(spill, { recursive: true, force: true }).catch(() => {});
    try {
      const { child } = await startWatchedChild<undefined, EngineCall, EngineAnswer>({
        entry: new URL('./engine-child.ts', import.meta.url),
        start: settings.start,
        memoryBytes: settings.start.memoryBytes,
        // Each question may hold one of Node's threads, and another one writes its file.
        env: { UV_THREADPOOL_SIZE: String(2 * settings.places + 2) },
        startMs: 20_000,
        graceMs,
        onBeat: () => {
          for (const seat of seats) seat.within = true;
        },
        signal: closing.signal,
      });
      const life: Life = { child, spill, over: false };
      if (child.pid !== undefined) settings.onStart?.(child.pid);
      void child.ended.then((ending) => {
        life.over = true;
        settings.onEnd?.(ending);
        return sweep();
      });
      return life;
    } catch (err) {
      await sweep();
      throw err;
    }
  }

  async function living(): Promise<Life> {
    if (closing.signal.aborted) throw new QueryError('engine-unavailable', 'The engine is closed.');
    const seen = current;
    const life = await seen?.catch(() => undefined);
    if (life && !life.over) return life;
    // Another question has seen it first, and a new one is on its way.
    if (current !== seen) return living();
    if (performance.now() < failedUntil)
      throw new QueryError('engine-unavailable', 'The DuckDB process could not be started; it is tried again soon.');
    const begun = begin();
    current = begun;
    try {
      return await begun;
    } catch (err) {
      failedUntil = performance.now() + pauseMs;
      throw new QueryError('engine-unavailable', 'The DuckDB process cannot be started.', { cause: err });
    }
  }

  /** Ends the process after a while without a question. */
  function rest(): void {
    if (seats.size > 0) return;
    clearTimeout(idle);
    idle = setTimeout(stop, settings.idleMs);
    idle.unref();
  }

  function stop(): void {
    const old = current;
    current = undefined;
    old?.then(({ child }) => child.retire()).catch(() => {});
  }

  return {
    /** Starts the process where there is none. What fails is told to who comes to enter. */
    wake(): void {
      if (current === undefined) living().then(rest, () => {});
    },
    /** A seat in the living process. Errors: `engine-unavailable`. */
    async enter(): Promise<Seat> {
      clearTimeout(idle);
      const mine = { shared: seats.size > 0, within: false };
      for (const other of seats) other.shared = true;
      seats.add(mine);
      const leave = () => {
        seats.delete(mine);
        rest();
      };
      try {
        const { child, spill } = await living();
        await freshened(spill);
        const isToBlame = () => mine.within && !mine.shared;
        return { child, spill: join(spill, String(nextSpill++)), isToBlame, leave };
      } catch (err) {
        leave();
        throw err;
      }
    },
    async close(): Promise<void> {
      clearTimeout(idle);
      closing.abort();
      const life = await current?.catch(() => undefined);
      await life?.child.ended;
    },
  };
}
