import { rm } from 'node:fs/promises';
import type { Ending } from '#adapters/child-process/watched-child.ts';
import { ModelError } from '#domain/model-error.ts';
import { QueryError } from '#domain/query-error.ts';
import type {
  AnalystQuestion,
  AnalyticsEngine,
  Answered,
  AnswerFile,
  QueryLimits,
  Question,
  TableSource,
  TakeChunk,
} from '#ports/analytics-engine.ts';
import { createEngineProcess, type Seat } from './engine-process.ts';
import { createPlaces } from './places.ts';
import { type EngineAnswer, type EngineCall, type OpenCall, type Piece, pathsOfFile, type Source } from './protocol.ts';
import { createSnapshots, removeDatabase } from './snapshots.ts';

export type DuckdbEngineOptions = {
  /** For snapshots, and for what does not fit into the memory. Made when it is missing. */
  folder: string;
  /** Of the DuckDB process; beyond, it is killed. Default 1 GiB. */
  memoryBytes?: number;
  /** Questions at once. Default 2. */
  places?: number;
  /** Of one question. Default 2. */
  threads?: number;
  /** Snapshots on disk. Default 4. */
  snapshots?: number;
  /** To make one. Default 60 s. */
  snapshotMs?: number;
  /** Bytes that copies of tables may still take from the disk; negative when it is fuller than it should be. Absent: as many as they like. */
  room?: () => Promise<number>;
  /** Disk for what does not fit into the memory, of one question. Default 1 GiB. */
  spillBytes?: number;
  /** Without a question for so long the process ends. Default 60 s. */
  idleMs?: number;
  /** Told the process id of each DuckDB process, and how it ended. */
  onStart?: (pid: number) => void;
  onEnd?: (ending: Ending) => void;
};

/** Of the process without a question: Node and DuckDB took 120 MB (measured); twice that is left free of DuckDB's own limit. */
const baseBytes = 256 * 2 ** 20;
const mostWaiting = 64;
const defaultBytes = { chunks: 64 * 2 ** 20, file: 2 ** 30 };

type Into = TakeChunk | AnswerFile;
type Attempt = { alone: boolean; deadline: number; signal: AbortSignal | undefined };

/** Why an attempt ended that may go well when tried once more. */
class Died extends Error {
  readonly error: QueryError;
  constructor(error: QueryError) {
    super(error.message);
    this.error = error;
  }
}

/**
 * Questions run in one DuckDB process, none in the instance of another that runs. Whoever does not stop at the deadline, and whatever takes the process beyond its memory,
 * ends the process: then the questions of the others are asked once more, each alone, so that the one that is to blame dies alone and its error is its own. So is
 * a question that came into a process beyond its memory already.
 */
export function createDuckdbEngine(options: DuckdbEngineOptions): AnalyticsEngine {
  const { folder, memoryBytes = 2 ** 30, places = 2, threads = 2, spillBytes = 2 ** 30 } = options;
  const ofOne = Math.max(32 * 2 ** 20, Math.floor((memoryBytes - baseBytes) / places));
  const enter = createPlaces(places, mostWaiting);
  const { idleMs = 60_000, onStart, onEnd } = options;
  const duckdb = createEngineProcess({
    start: { threads, spillBytes, memoryBytes },
    places,
    folder,
    idleMs,
    onStart,
    onEnd,
  });
  const snapshots = createSnapshots({ folder, keep: options.snapshots ?? 4, build, room: options.room });
  let prepared: Promise<void> | undefined;

  /** Does the work in the process, and once more alone when the process died of it or of a neighbour. */
  async function attempt<T>(limits: Omit<Attempt, 'alone'>, work: (seat: Seat) => Promise<T>): Promise<T> {
    try {
      return await once({ ...limits, alone: false }, work);
    } catch (err) {
      if (!(err instanceof Died)) throw err;
    }
    return await once({ ...limits, alone: true }, work).catch((err) => {
      throw err instanceof Died ? err.error : err;
    });
  }

  async function once<T>({ alone, deadline, signal }: Attempt, work: (seat: Seat) => Promise<T>): Promise<T> {
    const leave = await enter({ alone, timeMs: left(deadline), signal });
    try {
      const entering = duckdb.enter();
      const seat = await inTime(entering, deadline, signal).catch((err) => {
        // It is entered all the same, later.
        entering.then((late) => late.leave()).catch(() => {});
        throw err;
      });
      try {
        return await work(seat);
      } catch (err) {
        throw endingOf(err, seat);
      } finally {
        seat.leave();
      }
    } finally {
      leave();
    }
  }

  async function build(path: string, tables: AnalystQuestion['tables']): Promise<void> {
    const deadline = performance.now() + (options.snapshotMs ?? 60_000);
    await attempt({ deadline, signal: undefined }, async ({ child, spill }) => {
      // A process that died of it has left half of the tables.
      await removeDatabase(path);
      const call: EngineCall = { op: 'snapshot', path, tables, memoryBytes: ofOne, spill };
      told(await child.call(call, { timeMs: left(deadline) }));
    });
  }

  async function answer(
    question: Pick<Question, 'sql' | 'params'>,
    source: Source,
    limits: QueryLimits & { deadline: number },
    into: Into,
  ): Promise<Answered> {
    const { signal, deadline } = limits;
    const file = typeof into === 'function' ? undefined : into;
    const call: Omit<OpenCall, 'spill'> = {
      op: 'open',
      sql: question.sql,
      params: question.params ?? [],
      source,
      rows: limits.rows,
      bytes: limits.bytes ?? (file ? defaultBytes.file : defaultBytes.chunks),
      memoryBytes: Math.min(limits.memoryBytes ?? ofOne, ofOne),
      file,
    };
    return attempt({ deadline, signal }, (seat) => answerIn(seat, { ...call, spill: seat.spill }, limits, into));
  }

  async function prepare(): Promise<void> {
    prepared ??= snapshots.prepare();
    await prepared.catch((err) => {
      prepared = undefined;
      throw new QueryError('engine-unavailable', 'The folder of the engine cannot be used.', { cause: err });
    });
  }

  return {
    async query(question, limits, into) {
      await prepare();
      checkTables(question.tables);
      return answer(question, { tables: question.tables }, withDeadline(limits), into);
    },
    async ask(question, limits, into) {
      await prepare();
      checkTables(question.tables);
      checkMasks(question.tables);
      const timed = withDeadline(limits);
      const names = question.tables.map(({ name }) => name);
      const { signal } = limits;
      for (let again = true; ; again = false) {
        const { path: made, release } = snapshots.hold(question);
        try {
          const path = await inTime(made, timed.deadline, signal);
          return await answer(question, { snapshot: path, names }, timed, into).catch(async (err) => {
            if (err instanceof SnapshotGone) await snapshots.forget(path);
            throw err;
          });
        } catch (err) {
          if (!(err instanceof SnapshotGone)) throw err;
          if (!again) throw new QueryError('engine-unavailable', 'The snapshot cannot be read.', { cause: err });
        } finally {
          release();
        }
      }
    },
    async tidy() {
      await prepare();
      await snapshots.tidy();
    },
    wake(): void {
      prepare().then(duckdb.wake, () => {});
    },
    close: () => duckdb.close(),
  };
}

/** Asks, and hands over piece by piece. Once a piece was handed over the question cannot be asked again. */
async function answerIn(
  { child, spill }: Seat,
  call: OpenCall,
  { deadline, signal }: { deadline: number; signal?: AbortSignal | undefined },
  into: Into,
): Promise<Answered> {
  const ask = async (data: EngineCall) => told(await child.call(data, { timeMs: left(deadline), signal })) as Piece;
  let piece: Piece | undefined;
  let handed = false;
  try {
    piece = await ask({ ...call, spill });
    for (;;) {
      const { columns, rows, cursor } = piece;
      if (typeof into === 'function') {
        handed = true;
        await into({ columns, rows });
      }
      if (cursor === undefined) break;
      piece = await ask({ op: 'next', cursor });
    }
  } catch (err) {
    const cursor = piece?.cursor;
    if (cursor !== undefined) void child.call({ op: 'close', cursor }, { timeMs: 1000 }).catch(() => {});
    for (const path of call.file ? pathsOfFile(call.file) : []) await rm(path, { force: true });
    throw handed && err instanceof ModelError ? new HandedOver(err) : err;
  }
  const { columns, count, truncated, repeatable } = piece;
  return { columns, rows: count, truncated, ...(repeatable === undefined ? {} : { repeatable }) };
}

/** The process ended when a part of the answer was with the caller already. */
class HandedOver extends Error {
  constructor(cause: ModelError) {
    super('', { cause });
  }
}

class SnapshotGone extends Error {}

/** The answer, unless it tells a failure. */
function told(answer: EngineAnswer): EngineAnswer {
  if (typeof answer === 'string' || !('failed' in answer)) return answer;
  const { failed, message, file } = answer;
  if (failed === 'snapshot-gone') throw new SnapshotGone(message);
  throw new QueryError(failed, message, file === undefined ? {} : { file });
}

/** What the end of the process means for a question in it: an error of its own, or that it may be tried again. */
function endingOf(err: unknown, seat: Seat): unknown {
  const handed = err instanceof HandedOver;
  const died = handed ? err.cause : err;
  if (!(died instanceof ModelError)) return err;
  if (died.fault === 'model-too-slow') return tooSlow();
  const ending = died.cause as Ending | undefined;
  const error =
    ending?.cause === 'memory'
      ? new QueryError('query-too-large', 'The query took more memory than it may.', { cause: died })
      : new QueryError('engine-unavailable', 'The DuckDB process ended; ask again.', { cause: died });
  return handed || (ending?.cause === 'memory' && seat.isToBlame()) ? error : new Died(error);
}

/** The work, or the error at the deadline; the work goes on for others. */
async function inTime<T>(work: Promise<T>, deadline: number, signal: AbortSignal | undefined): Promise<T> {
  const ended = Promise.withResolvers<never>();
  const timer = setTimeout(() => ended.reject(tooSlow()), left(deadline));
  const abort = () => ended.reject(signal?.reason);
  signal?.addEventListener('abort', abort, { once: true });
  if (signal?.aborted) abort();
  try {
    return await Promise.race([work, ended.promise]);
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener('abort', abort);
  }
}

const tooSlow = () => new QueryError('query-too-slow', 'The query took more time than it may.');
const left = (deadline: number): number => Math.max(1, deadline - performance.now());
const withDeadline = (limits: QueryLimits) => ({ ...limits, deadline: performance.now() + limits.timeMs });

function checkTables(tables: readonly TableSource[]): void {
  const names = new Set<string>();
  for (const { name, columns } of tables) {
    if (!/^[a-z_][a-z0-9_]*$/.test(name) || names.has(name)) throw new Error(`no name of a table: ${name}`);
    if (!columns.some(({ name }) => name === 'response_id')) throw new Error(`${name} lacks response_id`);
    names.add(name);
  }
}

/** A mask that meets no column would leave one bare that was meant. */
function checkMasks(tables: AnalystQuestion['tables']): void {
  for (const { name, columns, masked } of tables) {
    const left = masked.find((mask) => !columns.some((column) => column.name === mask));
    if (left !== undefined) throw new Error(`${name} has no column ${left} to mask`);
  }
}
