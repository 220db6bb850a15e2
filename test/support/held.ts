/** `work` that waits to be let: a test decides between what was seen before and what is done after. `asked` resolves when somebody has called it. */
export function createHeld<A extends unknown[], R>(work: (...given: A) => Promise<R>) {
  const [asked, free] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  return {
    asked: asked.promise,
    go: () => free.resolve(),
    async work(...given: A): Promise<R> {
      asked.resolve();
      await free.promise;
      return work(...given);
    },
  };
}
