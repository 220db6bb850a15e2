import type { AnswerFile } from '#ports/analytics-engine.ts';
import type { BlobStore } from '#ports/blob-store.ts';
import type { Ids } from '#ports/ids.ts';

type Deps = {
  blobs: Pick<BlobStore, 'stage' | 'stream' | 'remove'>;
  ids: Pick<Ids, 'next'>;
};

const area = 'answers';
/** A file is opened as soon as it is there, and what is open is read to its end without its name: so old ones are those of processes that died. Milliseconds. */
export const answerArea = { name: area, unusedAfterMs: 3_600_000 };

/** An answer as a file for as long as it takes to send it. */
export function createAnswerFiles({ blobs, ids }: Deps) {
  /**
   * Has the answer written by `write`, and gives what that tells and the bytes; the file goes with the last of them, or when they are no longer wanted.
   * Errors: those of `write`.
   */
  async function sent<T>(
    format: AnswerFile['format'],
    write: (file: AnswerFile) => Promise<T>,
  ): Promise<{ told: T; bytes: number; chunks: AsyncIterable<Uint8Array> }> {
    const name = `${area}/${ids.next('ans')}.${format}`;
    const staged = await blobs.stage(name);
    try {
      const told = await write({ path: staged.path, format });
      const { bytes } = await staged.finish();
      return { told, bytes, chunks: once(name) };
    } catch (err) {
      await staged.discard().catch(() => {});
      throw err;
    }
  }

  /** No generator: one that is given up before its first byte is wanted (HEAD, a client that has gone) never comes to its `finally`. */
  function once(name: string): AsyncIterableIterator<Uint8Array> {
    const chunks = blobs.stream(name)[Symbol.asyncIterator]();
    const end = async (): Promise<IteratorResult<Uint8Array>> => {
      await blobs.remove(name).catch(() => {});
      return { done: true, value: undefined };
    };
    const given = {
      [Symbol.asyncIterator]: () => given,
      async next() {
        const chunk = await chunks.next().catch(async (err) => {
          await end();
          throw err;
        });
        return chunk.done ? end() : chunk;
      },
      async return() {
        await chunks.return?.();
        return end();
      },
    };
    return given;
  }

  return { sent };
}
export type AnswerFiles = ReturnType<typeof createAnswerFiles>;
