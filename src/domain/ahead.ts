/** The same one by one, each asked for while the one before is worked on. Errors come where the one that failed would have come. */
export async function* ahead<T>(items: AsyncIterable<T>): AsyncGenerator<T, void> {
  const iterator = items[Symbol.asyncIterator]();
  try {
    let coming = iterator.next();
    for (;;) {
      const { done, value } = await coming;
      if (done) return;
      coming = iterator.next();
      // Told when it is waited for; whoever stops before does not ask.
      coming.catch(() => {});
      yield value;
    }
  } finally {
    // Not waited for: what is on its way may take as long as whoever makes it.
    void iterator.return?.().catch(() => {});
  }
}
