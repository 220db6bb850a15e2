import { Worker } from 'node:worker_threads';
import { AppError } from '#domain/errors.ts';
import type { ChainHead } from '#domain/receipt.ts';
import type { Synchronous } from './connection.ts';
import { pack } from './packing.ts';
import type {
  LineAnswer,
  LineRead,
  ReaderAnswer,
  ReadOp,
  SqlRead,
  WriteOp,
  WriterAnswer,
  WriterMessage,
} from './protocol.ts';
import type { SqlRow, SqlTable } from './tables.ts';

type Waiting<T> = { resolve: (value: T) => void; reject: (err: Error) => void };

/**
 * Fewer operations than these are not worth a transaction of their own while more are coming. With 8, 100 tasks under way run 1.2 times as fast as without
 * halves, and 10 of them 0.95 times; with 4 it is 0.91 (bench/tasks.ts).
 */
const smallestHalf = 8;

export type BatchSeen = { size: number; commitMs: number };

/** What SQLite said is for the log, not for whoever sent a response. */
const unavailable = (detail: string, said?: string) =>
  new AppError('storage-unavailable', {
    detail,
    retryAfterSeconds: 5,
    cause: said === undefined ? undefined : new Error(said),
  });

function start(script: string, workerData: object): Worker {
  // Small heaps: the threads hold a page cache outside the heap and a batch or two inside it.
  return new Worker(new URL(script, import.meta.url), { workerData, resourceLimits: { maxYoungGenerationSizeMb: 8 } });
}

/** Resolves once the thread has opened the file; rejects with why it could not. */
function ready<T>(worker: Worker): Promise<T> {
  return new Promise((resolve, reject) => {
    const settle = (message: { failed?: string }) => {
      if (message.failed === undefined) resolve(message as T);
      else reject(new AppError('storage-unavailable', { detail: message.failed }));
    };
    worker.once('message', settle);
    worker.once('error', reject);
  });
}

/**
 * The main thread's end of the writer. Operations of one turn of the event loop go in few messages, each at once; what has arrived while the thread writes
 * a transaction becomes the next one: the busier it is, the more responses share one fsync (bench/accept.ts), and it never waits for this thread in between.
 */
export async function startWriter(deps: {
  file: string;
  synchronous: Synchronous;
  onBatch: (seen: BatchSeen) => void;
  onFatal: (err: Error) => void;
}) {
  const worker = start('./writer-thread.ts', { file: deps.file, synchronous: deps.synchronous });
  let { newest } = await ready<Extract<WriterAnswer, { ready: true }>>(worker);
  let queued: { op: WriteOp; waiting: Waiting<unknown> }[] = [];
  /** What has been sent, in the order of sending, which is the order of the answers. */
  let inFlight: Waiting<unknown>[] = [];
  let scheduled = false;
  let head: ChainHead | undefined;
  let closing: Waiting<void> | undefined;
  let dead: Error | undefined;

  const send = (): void => {
    scheduled = false;
    if (queued.length === 0) return;
    const batch = queued;
    queued = [];
    for (const { waiting } of batch) inFlight.push(waiting);
    worker.postMessage({ batch: batch.map(({ op }) => pack(op)) } satisfies WriterMessage);
  };

  const settle = (message: Extract<WriterAnswer, { values: unknown }>): void => {
    const answered = inFlight.splice(0, message.values.length);
    head = message.head;
    newest = message.newest;
    deps.onBatch({ size: answered.length, commitMs: message.commitMs });
    answered.forEach((waiting, i) => {
      const error = message.errors?.get(i);
      if (error === undefined) waiting.resolve(message.values[i]);
      else waiting.reject(unavailable('The store cannot write; nothing of this was kept.', error));
    });
  };

  const die = (err: Error): void => {
    if (dead) return;
    dead = err;
    for (const waiting of [...inFlight, ...queued.map((entry) => entry.waiting)]) {
      waiting.reject(unavailable('The storage thread has ended; the outcome of this write is unknown.'));
    }
    inFlight = [];
    queued = [];
    if (closing) closing.resolve();
    else deps.onFatal(err);
  };

  worker.on('message', (message: WriterAnswer) => {
    if ('values' in message) settle(message);
  });
  worker.on('error', (err) => die(err as Error));
  worker.on('exit', (code) => die(new Error(`the storage thread ended with code ${code}`)));

  return {
    write<T>(op: WriteOp): Promise<T> {
      if (dead || closing) return Promise.reject(unavailable('The store is closed.'));
      return new Promise<T>((resolve, reject) => {
        queued.push({ op, waiting: { resolve: resolve as (value: unknown) => void, reject } });
        // Half of the work is handed over while the other half is being prepared: with all of it in one message the threads take turns at waiting.
        if (queued.length >= Math.max(smallestHalf, inFlight.length)) return send();
        if (scheduled) return;
        scheduled = true;
        // At the end of this turn of the event loop, so that requests read from several sockets in it share the transaction.
        setImmediate(send);
      });
    },
    head: () => head,
    newest: () => newest,
    close(): Promise<void> {
      if (dead) return Promise.resolve();
      return new Promise((resolve, reject) => {
        closing = { resolve, reject };
        send();
        worker.postMessage({ close: true } satisfies WriterMessage);
      });
    },
  };
}
export type Writer = Awaited<ReturnType<typeof startWriter>>;

/** Structured clone writes and reads the names of every object: as lists, a row of ten columns costs both threads together 1 µs less. */
function rowsOf({ names, rows }: SqlTable): SqlRow[] {
  return rows.map((values) => {
    const row: SqlRow = {};
    for (let i = 0; i < names.length; i++) row[names[i]!] = values[i]!;
    return row;
  });
}

/** The main thread's end of the reader: reads of one turn of the event loop go in one message. */
export async function startReader(deps: { file: string; onFatal: (err: Error) => void }) {
  const worker = start('./reader-thread.ts', { file: deps.file });
  await ready(worker);
  const waiting = new Map<number, Waiting<SqlTable | LineAnswer>>();
  let queued: { id: number; read: ReadOp }[] = [];
  let nextId = 0;
  let closed = false;

  const send = (): void => {
    worker.postMessage({ reads: queued });
    queued = [];
  };
  const die = (err: Error): void => {
    for (const { reject } of waiting.values()) reject(unavailable('The reading thread has ended.'));
    waiting.clear();
    if (!closed) deps.onFatal(err);
    closed = true;
  };
  worker.on('message', (message: ReaderAnswer) => {
    if (!('answers' in message)) return;
    for (const answer of message.answers) {
      const entry = waiting.get(answer.id);
      waiting.delete(answer.id);
      if ('error' in answer) entry?.reject(unavailable('The store cannot read.', answer.error));
      else entry?.resolve('lines' in answer ? answer.lines : answer.table);
    }
  });
  worker.on('error', (err) => die(err as Error));
  worker.on('exit', (code) => die(new Error(`the reading thread ended with code ${code}`)));

  const ask = <T extends SqlTable | LineAnswer>(read: ReadOp): Promise<T> => {
    if (closed) return Promise.reject(unavailable('The store is closed.'));
    return new Promise<T>((resolve, reject) => {
      const id = nextId++;
      waiting.set(id, { resolve: resolve as (value: SqlTable | LineAnswer) => void, reject });
      queued.push({ id, read });
      if (queued.length === 1) queueMicrotask(send);
    });
  };
  const all = async (sql: string, ...params: SqlRead['params']): Promise<SqlRow[]> =>
    rowsOf(await ask<SqlTable>({ sql, params }));
  return {
    all,
    get: async (sql: string, ...params: SqlRead['params']): Promise<SqlRow | undefined> =>
      (await all(sql, ...params))[0],
    lines: (read: LineRead): Promise<LineAnswer> => ask({ lines: read }),
    async close(): Promise<void> {
      if (closed) return;
      closed = true;
      worker.postMessage({ close: true });
      await new Promise<void>((resolve) => worker.once('exit', () => resolve()));
    },
  };
}
export type Reader = Awaited<ReturnType<typeof startReader>>;

/**
 * A reader for what may take long (counts, searches, walks), in a thread of its own: 1.6 s of counting 50,000 responses must not hold up a login.
 * Started by its first read: an idle server does without it.
 */
export function lazyReader(open: () => Promise<Reader>): Reader {
  let opened: Promise<Reader> | undefined;
  const reader = (): Promise<Reader> => {
    // A failed start is not kept: the next read tries again.
    opened ??= open().catch((err: unknown) => {
      opened = undefined;
      throw err;
    });
    return opened;
  };
  return {
    all: async (sql, ...params) => (await reader()).all(sql, ...params),
    get: async (sql, ...params) => (await reader()).get(sql, ...params),
    lines: async (read) => (await reader()).lines(read),
    close: async () => (await opened)?.close(),
  };
}
