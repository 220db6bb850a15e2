import { Worker } from 'node:worker_threads';
import { AppError } from '#domain/errors.ts';
import type { ChainHead } from '#domain/receipt.ts';
import type { Synchronous } from './connection.ts';
import { pack } from './packing.ts';
import type { ReaderAnswer, ReadOp, WriteOp, WriterAnswer, WriterMessage } from './protocol.ts';
import type { SqlRow } from './tables.ts';

type Waiting<T> = { resolve: (value: T) => void; reject: (err: Error) => void };

export type BatchSeen = { size: number; commitMs: number };

const unavailable = (detail: string) => new AppError('storage-unavailable', { detail, retryAfterSeconds: 5 });

function start(script: string, workerData: object): Worker {
  // Small heaps: the threads hold a page cache outside the heap and a batch or two inside it.
  return new Worker(new URL(script, import.meta.url), { workerData, resourceLimits: { maxYoungGenerationSizeMb: 8 } });
}

/** Resolves once the thread has opened the file; rejects with why it could not. */
function ready(worker: Worker): Promise<void> {
  return new Promise((resolve, reject) => {
    const settle = ({ failed }: { ready?: true; failed?: string }) => {
      if (failed === undefined) resolve();
      else reject(new AppError('storage-unavailable', { detail: failed }));
    };
    worker.once('message', settle);
    worker.once('error', reject);
  });
}

/**
 * The main thread's end of the writer. Operations that come in while a transaction runs wait and go as the next one: the busier it is,
 * the more responses share one fsync (bench/accept.ts).
 */
export async function startWriter(deps: {
  file: string;
  synchronous: Synchronous;
  onBatch: (seen: BatchSeen) => void;
  onFatal: (err: Error) => void;
}) {
  const worker = start('./writer-thread.ts', { file: deps.file, synchronous: deps.synchronous });
  await ready(worker);
  let queued: { op: WriteOp; waiting: Waiting<unknown> }[] = [];
  let inFlight: Waiting<unknown>[] | undefined;
  let scheduled = false;
  let head: ChainHead | undefined;
  let closing: Waiting<void> | undefined;
  let dead: Error | undefined;

  const send = (): void => {
    scheduled = false;
    if (inFlight || queued.length === 0) return;
    const batch = queued;
    queued = [];
    inFlight = batch.map(({ waiting }) => waiting);
    worker.postMessage({ batch: batch.map(({ op }) => pack(op)) } satisfies WriterMessage);
  };

  const settle = (message: Extract<WriterAnswer, { values: unknown }>): void => {
    const answered = inFlight ?? [];
    inFlight = undefined;
    head = message.head;
    deps.onBatch({ size: answered.length, commitMs: message.commitMs });
    send();
    message.values.forEach((value, i) => {
      const error = message.errors?.get(i);
      if (error === undefined) answered[i]?.resolve(value);
      else answered[i]?.reject(unavailable(`The store refused the write: ${error}`));
    });
    if (closing && !inFlight && queued.length === 0) worker.postMessage({ close: true } satisfies WriterMessage);
  };

  const die = (err: Error): void => {
    if (dead) return;
    dead = err;
    for (const waiting of [...(inFlight ?? []), ...queued.map((entry) => entry.waiting)]) {
      waiting.reject(unavailable('The storage thread has ended; the outcome of this write is unknown.'));
    }
    inFlight = undefined;
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
        if (scheduled || inFlight) return;
        scheduled = true;
        // At the end of this turn of the event loop, so that requests read from several sockets in it share the transaction.
        setImmediate(send);
      });
    },
    head: () => head,
    close(): Promise<void> {
      if (dead) return Promise.resolve();
      return new Promise((resolve, reject) => {
        closing = { resolve, reject };
        if (!inFlight && queued.length === 0) worker.postMessage({ close: true } satisfies WriterMessage);
        else if (!scheduled && !inFlight) setImmediate(send);
      });
    },
  };
}
export type Writer = Awaited<ReturnType<typeof startWriter>>;

/** The main thread's end of the reader: reads of one turn of the event loop go in one message. */
export async function startReader(deps: { file: string; onFatal: (err: Error) => void }) {
  const worker = start('./reader-thread.ts', { file: deps.file });
  await ready(worker);
  const waiting = new Map<number, Waiting<SqlRow[]>>();
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
    for (const { id, rows, error } of message.answers) {
      const entry = waiting.get(id);
      waiting.delete(id);
      if (rows) entry?.resolve(rows);
      else entry?.reject(unavailable(`The store could not read: ${error}`));
    }
  });
  worker.on('error', (err) => die(err as Error));
  worker.on('exit', (code) => die(new Error(`the reading thread ended with code ${code}`)));

  const all = (sql: string, ...params: ReadOp['params']): Promise<SqlRow[]> => {
    if (closed) return Promise.reject(unavailable('The store is closed.'));
    return new Promise((resolve, reject) => {
      const id = nextId++;
      waiting.set(id, { resolve, reject });
      queued.push({ id, read: { sql, params } });
      if (queued.length === 1) queueMicrotask(send);
    });
  };
  return {
    all,
    get: async (sql: string, ...params: ReadOp['params']): Promise<SqlRow | undefined> =>
      (await all(sql, ...params))[0],
    async close(): Promise<void> {
      if (closed) return;
      closed = true;
      worker.postMessage({ close: true });
      await new Promise<void>((resolve) => worker.once('exit', () => resolve()));
    },
  };
}
export type Reader = Awaited<ReturnType<typeof startReader>>;
