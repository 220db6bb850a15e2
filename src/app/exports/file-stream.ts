import { AppError } from '#domain/errors.ts';

/** Waits for the first chunk, so that a file that is not there, or not whole, is an error and not half an answer. Errors: `gone`, those of reading. */
export async function begun(chunks: AsyncIterable<Uint8Array>): Promise<AsyncIterable<Uint8Array>> {
  const iterator = chunks[Symbol.asyncIterator]();
  const first = await iterator.next().catch((err) => {
    if (err instanceof AppError && err.code === 'not-found')
      throw new AppError('gone', {
        detail: 'The file has been removed from the disk, or cut off there; ask for the export again.',
      });
    throw err;
  });
  let held: typeof first | undefined = first;
  // Not a generator: one that is ended before it began would leave the file open.
  const rest: AsyncIterator<Uint8Array> = {
    async next() {
      const result = held ?? (await iterator.next());
      held = undefined;
      return result;
    },
    async return() {
      await iterator.return?.();
      return { done: true, value: undefined };
    },
  };
  return { [Symbol.asyncIterator]: () => rest };
}
