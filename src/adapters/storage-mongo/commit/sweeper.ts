import type { Collection, Db, Document } from 'mongodb';
import type { Numbering } from '../change-feed.ts';
import { kinds, layouts, type OutboxEntry } from '../collections.ts';
import type { Leases } from '../leases.ts';
import { commitsCollection, type Parcel, type Relay } from './relay.ts';
import { finishRemoval, type Removal } from './removal.ts';

type Carrier = Document & {
  _id: string;
  outbox?: Record<string, OutboxEntry>;
  /** Of a commit that removes something: what, and when it began. */
  removal?: Removal;
};

const everyMs = 2000;
const leaseMs = 10_000;
const mostAtOnce = 200;
const numberingMs = 500;

/**
 * Finds what a process that died, or lost the database, has left in outboxes, and relays it. One process at a time by a lease; two at once would only
 * insert what is there already.
 */
export function createSweeper(deps: {
  db: Db;
  relay: Relay;
  numbering: Numbering;
  leases: Leases;
  token: string;
  now: () => number;
  onTrouble: (err: unknown) => void;
}) {
  const { db, relay, numbering, leases, token, now, onTrouble } = deps;
  const carriers = [...kinds.map((kind) => layouts[kind].collection), 'tasks', commitsCollection];
  let timer: NodeJS.Timeout | undefined;
  let running: Promise<void> | undefined;
  let stopped = false;

  /** Everything that waits now. Errors: the driver's. Returns how many entries were relayed. */
  async function sweep(): Promise<number> {
    const swept = await Promise.all(carriers.map((name) => sweepCollection(db.collection<Carrier>(name))));
    return swept.reduce((sum, count) => sum + count, 0);
  }

  async function sweepCollection(collection: Collection<Carrier>): Promise<number> {
    let swept = 0;
    let after = '';
    for (;;) {
      const found = await collection
        .find({ waiting: { $gt: 0 }, _id: { $gt: after } })
        .sort({ _id: 1 })
        .limit(mostAtOnce)
        .project<Carrier>({ outbox: 1, removal: 1 })
        .toArray();
      if (found.length === 0) return swept;
      after = found.at(-1)!._id;
      const parcels: Parcel[] = [];
      for (const carrier of found) {
        if (carrier.removal && !(await finishRemoval(db, carrier._id, carrier.removal, now()))) continue;
        for (const [commit, entry] of Object.entries(carrier.outbox ?? {}))
          parcels.push({ collection: collection.collectionName, id: carrier._id, commit, entry });
      }
      await relay.deliver(parcels);
      await relay.clear(parcels);
      swept += parcels.length;
      // What others write meanwhile has later ids and is theirs to relay: under load a process that starts would sweep for ever.
      if (found.length < mostAtOnce) return swept;
    }
  }

  async function turn(): Promise<void> {
    try {
      if (await leases.take('sweeper', token, now(), leaseMs)) {
        await sweep();
        // Whoever asks for the change feed could do it all: a day's worth would take minutes then. Most of the time is left to those who wait for the server.
        const until = performance.now() + numberingMs;
        await numbering.number({ enough: () => stopped || performance.now() > until });
      }
    } catch (err) {
      onTrouble(err);
    }
    running = undefined;
    arm();
  }

  function arm(): void {
    if (stopped) return;
    timer = setTimeout(() => {
      running = turn();
    }, everyMs);
    timer.unref();
  }

  return {
    sweep,
    start: arm,
    async stop(): Promise<void> {
      stopped = true;
      clearTimeout(timer);
      await running;
      await leases.release('sweeper', token).catch(onTrouble);
    },
  };
}
export type Sweeper = ReturnType<typeof createSweeper>;
