import type { AnswerFile } from '#ports/analytics-engine.ts';
import type { BlobStore } from '#ports/blob-store.ts';
import type { Ids } from '#ports/ids.ts';

type Deps = { blobs: Pick<BlobStore, 'stage' | 'stream' | 'remove'>; ids: Pick<Ids, 'next'> };

/** An answer as a file for as long as it takes to send it. */
export function createAnswerFiles({ blobs, ids }: Deps) {
  /** Has the answer written by `write` and gives its bytes; the file goes with the last of them, or when they are no longer wanted. Errors: those of `write`. */
  async function sent(
    format: AnswerFile['format'],
    write: (file: AnswerFile) => Promise<void>,
  ): Promise<{ bytes: number; chunks: AsyncIterable<Uint8Array> }> {
    const name = `answers/${ids.next('ans')}.${format}`;
    const staged = await blobs.stage(name);
    try {
      await write({ path: staged.path, format });
      const { bytes } = await staged.finish();
      return { bytes, chunks: once(name) };
    } catch (err) {
      await staged.discard().catch(() => {});
      throw err;
    }
  }

  async function* once(name: string): AsyncGenerator<Uint8Array> {
    try {
      yield* blobs.stream(name);
    } finally {
      await blobs.remove(name).catch(() => {});
    }
  }

  return { sent };
}
export type AnswerFiles = ReturnType<typeof createAnswerFiles>;
