/**
 * Lets one work run alone until one has done something (its result is true) or `mostMs` have passed since it began, and from then on all at once.
 *
 * A crash uses up an attempt of everything that ran, since nobody knows what it was that crashed. The first work of a new process is where it shows: it also waits
 * for threads that start (0.3 s for reading a text). With 8 at once, four kills in three seconds made 8 dead letters of tasks that were not to blame
 * (test/soak/crash.ts); alone, only the one counts.
 */
export function createFirstAlone(mostMs: number) {
  let open = false;
  let alone: Promise<void> | undefined;

  return async (work: () => Promise<boolean>): Promise<void> => {
    while (!open && alone !== undefined) await alone;
    if (open) {
      await work();
      return;
    }
    const others = Promise.withResolvers<void>();
    alone = others.promise;
    const late = setTimeout(() => {
      open = true;
      others.resolve();
    }, mostMs);
    try {
      if (await work()) open = true;
    } finally {
      clearTimeout(late);
      alone = undefined;
      others.resolve();
    }
  };
}
