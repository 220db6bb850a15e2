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

type Waiting = { resolve: (reading: Reading) => void; reject: (err: Error) => void };

/** The rules in a thread of their own: started by the first text, ended after a minute without one (its libraries hold about 30 MB). */
export function createThreadedReader(options: { idleMs?: number } = {}): TextReader {
  const idleMs = options.idleMs ?? 60_000;
  const waiting = new Map<number, Waiting>();
  let worker: Worker | undefined;
  let idle: NodeJS.Timeout | undefined;
  let nextId = 0;

  function start(): Worker {
    const thread = new Worker(new URL('./reader-thread.ts', import.meta.url));
    thread.unref();
    thread.on('message', ({ id, reading, error }: ReadAnswer) => {
      const entry = waiting.get(id);
      waiting.delete(id);
      if (reading) entry?.resolve(reading);
      else entry?.reject(new Error(`the text could not be read: ${error}`));
      if (waiting.size === 0) rest();
    });
    const die = (err: Error) => {
      if (worker !== thread) return;
      worker = undefined;
      for (const { reject } of waiting.values()) reject(err);
      waiting.clear();
    };
    thread.on('error', (err) => die(err as Error));
    thread.on('exit', (code) => die(new Error(`the text reader's thread ended with code ${code}`)));
    return thread;
  }

  /** Nothing to do: keeps no process alive, and ends after a while. */
  function rest(): void {
    worker?.unref();
    clearTimeout(idle);
    idle = setTimeout(() => void close(), idleMs);
    idle.unref();
  }

  async function close(): Promise<void> {
    clearTimeout(idle);
    const thread = worker;
    worker = undefined;
    for (const { reject } of waiting.values()) reject(new Error('the text reader was closed'));
    waiting.clear();
    await thread?.terminate();
  }

  return {
    read(texts, fields, context) {
      worker ??= start();
      worker.ref();
      clearTimeout(idle);
      const id = nextId++;
      const thread = worker;
      return new Promise((resolve, reject) => {
        waiting.set(id, { resolve, reject });
        thread.postMessage({ id, texts, fields, context } satisfies ReadRequest);
      });
    },
    close,
  };
}
