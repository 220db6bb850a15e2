import type { Db } from 'mongodb';
import { isDuplicate } from './connection.ts';

type LeaseRecord = { _id: string; token: string; until: number };

/** Who of several processes does what only one should do at a time. A lease that is held twice for a moment must do no harm. */
export function createLeases(db: Db) {
  const leases = db.collection<LeaseRecord>('leases');
  return {
    /**
     * Takes or renews the lease for `ms` from `now`, epoch ms; false while another token holds it. One that lasts twice as long or longer was taken by a clock that
     * is ahead, and would keep everybody away for as long as that was: it counts as ended. Clocks that differ by less agree on who holds it.
     */
    async take(name: string, token: string, now: number, ms: number): Promise<boolean> {
      const ended = [{ until: { $lte: now } }, { until: { $gte: now + 2 * ms } }];
      try {
        const held = await leases.updateOne(
          { _id: name, $or: [{ token }, ...ended] },
          { $set: { token, until: now + ms } },
          { upsert: true },
        );
        return held.matchedCount === 1 || held.upsertedCount === 1;
      } catch (err) {
        // The upsert of a lease that another holds.
        if (isDuplicate(err)) return false;
        throw err;
      }
    },
    async release(name: string, token: string): Promise<void> {
      await leases.updateOne({ _id: name, token }, { $set: { until: 0 } });
    },
  };
}
export type Leases = ReturnType<typeof createLeases>;
