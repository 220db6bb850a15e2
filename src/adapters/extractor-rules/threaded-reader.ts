import { Worker } from 'node:worker_threads';
import type { FieldSpec } from '#domain/intelligence.ts';
import type { ExtractionContext } from '#ports/field-extractor.ts';
import type { Reading, TextReader } from '#ports/text-reader.ts';

export type ReadRequest = {
  id: number;
  texts: string[];
  fields: FieldSpec[];
  context: Omit<ExtractionContext, 'language'>;
};
export type ReadAnswer = { id: number; reading?: Reading; error?: string };

type Waiting = { request: ReadRequest; resolve: (reading: Reading) => void; reject: (err: Error) => void };

/**
 * The rules in a thread of their own: started by the first text, ended after a minute without one (its libraries hold about 30 MB).
 *
 * The thread reads one after the other, so one text that spins would hold up all that come after it. Whoever is first in line has `limitMs`; then the thread
 * is ended, that reading rejected, and the others are read by a new thread.
 */
export function createThreadedReader(
  options: {
    idleMs?: number;
    /** Default 30 s: a text of 256 kB, the longest a response may have by default, takes 0.2 s. Counts the start of the thread in. */
    limitMs?: number;
    /** The thread's file; another one only in tests. */
    entry?: URL;
  } = {},
): TextReader {
  const { idleMs = 60_000, limitMs = 30_000 } = options;
  const entry = options.entry ?? new URL('./reader-thread.ts', import.meta.url);
  /** In the order in which the thread reads them. */
  const waiting = new Map<number, Waiting>();
  let worker: Worker | undefined;
  let idle: NodeJS.Timeout | undefined;
  let limit: NodeJS.Timeout | undefined;
  let nextId = 0;

  function start(): Worker {
    const thread = new Worker(entry);
    thread.on('message', ({ id, reading, error }: ReadAnswer) => {
      // The last word of a thread that was ended meanwhile: another reads this again.
      if (worker !== thread) return;
      const answered = waiting.get(id);
      waiting.delete(id);
      if (reading) answered?.resolve(reading);
      else answered?.reject(new Error(`the text could not be read: ${error}`));
      if (waiting.size === 0) rest();
      else watchFirst();
    });
    const die = (err: Error) => {
      if (worker !== thread) return;
      worker = undefined;
      rejectAll(err);
    };
    thread.on('error', (err) => die(err as Error));
    thread.on('exit', (code) => die(new Error(`the text reader's thread ended with code ${code}`)));
    return thread;
  }

  function watchFirst(): void {
    clearTimeout(limit);
    limit = setTimeout(replace, limitMs);
  }

  /** Ends the thread that spins; only the text it was at is given up. */
  function replace(): void {
    void worker?.terminate();
    worker = undefined;
    const [spinning] = waiting.values();
    if (spinning === undefined) return;
    waiting.delete(spinning.request.id);
    spinning.reject(new Error(`the text was not read within ${limitMs / 1000} s, and its thread was ended`));
    if (waiting.size === 0) return;
    worker = start();
    for (const { request } of waiting.values()) worker.postMessage(request);
    watchFirst();
  }

  function rejectAll(err: Error): void {
    clearTimeout(limit);
    for (const { reject } of waiting.values()) reject(err);
    waiting.clear();
  }

  /** Nothing to do: keeps no process alive, and ends after a while. */
  function rest(): void {
    clearTimeout(limit);
    worker?.unref();
    clearTimeout(idle);
    idle = setTimeout(() => void close(), idleMs);
    idle.unref();
  }

  async function close(): Promise<void> {
    clearTimeout(idle);
    const thread = worker;
    worker = undefined;
    rejectAll(new Error('the text reader was closed'));
    await thread?.terminate();
  }

  return {
    read(texts, fields, context) {
      worker ??= start();
      worker.ref();
      clearTimeout(idle);
      const request: ReadRequest = { id: nextId++, texts, fields, context };
      const thread = worker;
      return new Promise((resolve, reject) => {
        waiting.set(request.id, { request, resolve, reject });
        thread.postMessage(request);
        if (waiting.size === 1) watchFirst();
      });
    },
    close,
  };
}
