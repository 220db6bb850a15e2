import type { Parcel, Relay } from './relay.ts';

/** How long what could not be cleared is kept in mind; the sweeper finds it anyway. */
const mostUncleared = 10_000;

/**
 * The relay of this process's own commits: parcels that come in while others are under way go together. `sent` resolves when the followers are in their
 * places, or could not be put there now: the commit has happened, and the sweeper does the rest.
 */
export function createCouriers(deps: { relay: Relay; onTrouble: (err: unknown) => void }) {
  const { relay, onTrouble } = deps;
  let queued: { parcels: Parcel[]; done: () => void }[] = [];
  let uncleared: Parcel[] = [];
  let delivering: Promise<void> | undefined;
  let clearing: Promise<void> | undefined;

  async function deliverAll(): Promise<void> {
    while (queued.length > 0) {
      const now = queued;
      queued = [];
      const parcels = now.flatMap((each) => each.parcels);
      try {
        await relay.deliver(parcels);
        if (uncleared.length < mostUncleared) uncleared.push(...parcels);
        clearing ??= clearAll();
      } catch (err) {
        onTrouble(err);
      }
      for (const { done } of now) done();
    }
    delivering = undefined;
  }

  /** In the background: nobody waits for it. */
  async function clearAll(): Promise<void> {
    while (uncleared.length > 0) {
      const parcels = uncleared;
      uncleared = [];
      await relay.clear(parcels).catch(onTrouble);
    }
    clearing = undefined;
  }

  return {
    sent(parcels: Parcel[]): Promise<void> {
      if (parcels.length === 0) return Promise.resolve();
      return new Promise((done) => {
        queued.push({ parcels, done });
        delivering ??= deliverAll();
      });
    },
    /** Resolves when nothing is under way any more. */
    async idle(): Promise<void> {
      while (delivering !== undefined || clearing !== undefined) await Promise.all([delivering, clearing]);
    },
  };
}
export type Couriers = ReturnType<typeof createCouriers>;
