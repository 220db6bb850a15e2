import { setImmediate as turn } from 'node:timers/promises';
import { BSON, type Db, MongoBulkWriteError, MongoServerError } from 'mongodb';
import { type ChainHead, nextReceipt, type Receipt } from '#domain/receipt.ts';
import type { Committed } from '#ports/storage.ts';
import { type Chains, linkOf } from '../chain.ts';
import type { OutboxEntry, ResponseRecord } from '../collections.ts';
import { isDuplicate, unavailable } from '../connection.ts';
import type { Couriers } from './couriers.ts';
import type { Parcel } from './relay.ts';

/** A response as it came, before it has its place in the chain. */
export type Arrival = {
  record: Omit<ResponseRecord, 'link' | 'receipt'>;
  payloadSha256: string;
  entry: OutboxEntry;
};
type Waiting = Arrival & {
  /** Without its neighbours, since the batch it was in failed for one of them. */
  alone: boolean;
  resolve: (result: Committed) => void;
  reject: (err: Error) => void;
};
type Linked = { waiting: Waiting; record: ResponseRecord; receipt: Receipt };

export type BatchSeen = { size: number; commitMs: number };

const mostAtOnce = 200;
const mostCharacters = 4_000_000;

/**
 * Group commit: what comes in while a batch is written becomes the next one, and shares its round trip and its flush of the journal. A batch is written in the order
 * of its receipts and stops at the first record that is refused, so a chain has no gaps. One whose outcome is unknown ends its chain.
 */
export function createIntake(deps: { db: Db; chains: Chains; couriers: Couriers; onBatch: (seen: BatchSeen) => void }) {
  const { chains, couriers, onBatch } = deps;
  const responses = deps.db.collection<ResponseRecord>('responses');
  let queue: Waiting[] = [];
  let head: ChainHead | undefined;
  let running: Promise<void> | undefined;

  async function run(): Promise<void> {
    // Requests that are read from several sockets in this turn of the event loop come along.
    await turn();
    while (queue.length > 0) {
      const batch = take();
      await write(batch).catch((err: unknown) => {
        head = undefined;
        for (const { reject } of batch) reject(unavailable('The store does not answer.', err));
      });
    }
    running = undefined;
  }

  /** The first of those that wait; of two with one key or id the second stays for the next batch, which will see the first. */
  function take(): Waiting[] {
    if (queue[0]!.alone) return [queue.shift()!];
    const seen = new Set<string>();
    const left: Waiting[] = [];
    const batch: Waiting[] = [];
    let characters = 0;
    for (const waiting of queue) {
      const { _id, key, doc, answers } = waiting.record;
      const fits =
        batch.length < mostAtOnce && (batch.length === 0 || characters + doc.length + answers.length <= mostCharacters);
      if (!fits || waiting.alone || seen.has(key) || seen.has(_id)) left.push(waiting);
      else {
        batch.push(waiting);
        characters += doc.length + answers.length;
      }
      seen.add(key).add(_id);
    }
    queue = left;
    return batch;
  }

  /** Errors: the driver's, before anything was written. */
  async function write(batch: Waiting[]): Promise<void> {
    const fresh = await withoutTaken(batch);
    if (fresh.length === 0) return;
    const from = performance.now();
    head ??= await chains.begin(fresh[0]!.record.at);
    const linked = linkedTo(head, fresh);
    try {
      await responses.insertMany(
        linked.map(({ record }) => record),
        { ordered: true },
      );
    } catch (err) {
      return settleFailed(linked, err);
    }
    onBatch({ size: linked.length, commitMs: performance.now() - from });
    acknowledge(linked);
  }

  /** Those whose key nobody has; the others are told who has it. */
  async function withoutTaken(batch: Waiting[]): Promise<Waiting[]> {
    const keys = batch.flatMap(({ record }) => (record.keyedAt === undefined ? [] : [record.key]));
    if (keys.length === 0) return batch;
    const found = await responses
      .find({ key: { $in: keys } })
      .project<{ _id: string; key: string }>({ key: 1 })
      .toArray();
    const holders = new Map(found.map(({ _id, key }) => [key, _id]));
    return batch.filter(({ record, resolve }) => {
      const holder = holders.get(record.key);
      if (holder !== undefined) resolve({ outcome: 'exists', id: holder });
      return holder === undefined;
    });
  }

  function linkedTo(start: ChainHead, fresh: Waiting[]): Linked[] {
    let at = start;
    return fresh.map((waiting) => {
      const receipt = nextReceipt(at, waiting.record._id, waiting.payloadSha256);
      at = { chain: receipt.chain, seq: receipt.seq, sha256: receipt.sha256 };
      const { record } = waiting;
      return {
        waiting,
        receipt,
        record: { ...record, link: linkOf(receipt.chain, receipt.seq), receipt } as ResponseRecord,
      };
    });
  }

  /** The chain goes on behind the last of them; each is answered when what follows from it is in its place. */
  function acknowledge(landed: Linked[]): void {
    const last = landed.at(-1);
    if (!last) return;
    head = { chain: last.receipt.chain, seq: last.receipt.seq, sha256: last.receipt.sha256 };
    const parcels = landed.map(({ record, waiting }): Parcel => {
      return { collection: 'responses', id: record._id, commit: record.commit, entry: waiting.entry };
    });
    void couriers.sent(parcels).then(() => {
      for (const { waiting, receipt } of landed) waiting.resolve({ outcome: 'committed', revision: 1, receipt });
    });
  }

  async function settleFailed(linked: Linked[], err: unknown): Promise<void> {
    const stopped =
      err instanceof MongoBulkWriteError && isDuplicate(err) ? [err.writeErrors].flat()[0]?.index : undefined;
    if (stopped !== undefined) {
      acknowledge(linked.slice(0, stopped));
      // What stands behind the refused one was not looked at: it goes first into the next batch.
      queue.unshift(...linked.slice(stopped + 1).map(({ waiting }) => waiting));
      return settleDuplicate(linked[stopped]!);
    }
    const landed = await landedOf(linked);
    if (!landed) {
      head = undefined;
      for (const { waiting } of linked)
        waiting.reject(unavailable('The store has not answered; the outcome of this write is unknown.', err));
      return;
    }
    acknowledge(landed);
    const rest = linked.slice(landed.length).map(({ waiting }) => waiting);
    const refused = err instanceof MongoServerError || err instanceof BSON.BSONError;
    if (refused && linked.length > 1) {
      // One of them cannot be written, and must not sink its neighbours.
      queue.unshift(...rest.map((waiting) => ({ ...waiting, alone: true })));
      return;
    }
    // A write that comes late would be a link behind the last one that was seen: the next response begins another chain.
    if (!refused) head = undefined;
    for (const waiting of rest) waiting.reject(unavailable('The store cannot write; nothing of this was kept.', err));
  }

  /** Its own record, where the driver has sent a batch twice; else that of another process with this key or id. */
  async function settleDuplicate({ waiting, record, receipt }: Linked): Promise<void> {
    const holder =
      (await responses.findOne({ key: record.key }, { projection: { commit: 1 } })) ??
      (await responses.findOne({ _id: record._id }, { projection: { commit: 1 } }));
    if (holder?.commit === record.commit) acknowledge([{ waiting, record, receipt }]);
    else if (holder) waiting.resolve({ outcome: 'exists', id: holder._id });
    else {
      head = undefined;
      waiting.reject(unavailable('The store cannot write; nothing of this was kept.'));
    }
  }

  /** Those at the beginning that are there; undefined when nobody can tell. */
  async function landedOf(linked: Linked[]): Promise<Linked[] | undefined> {
    const ids = linked.map(({ record }) => record._id);
    const found = await responses
      .find({ _id: { $in: ids } })
      .project<{ _id: string; commit: string }>({ commit: 1 })
      .toArray()
      .catch(() => undefined);
    if (!found) return undefined;
    const commits = new Map(found.map(({ _id, commit }) => [_id, commit]));
    const missing = linked.findIndex(({ record }) => commits.get(record._id) !== record.commit);
    return missing === -1 ? linked : linked.slice(0, missing);
  }

  return {
    submit(arrival: Arrival): Promise<Committed> {
      return new Promise((resolve, reject) => {
        queue.push({ ...arrival, alone: false, resolve, reject });
        running ??= run();
      });
    },
    head: (): ChainHead | undefined => (head && head.seq > 0 ? head : undefined),
    /** Resolves when nothing is under way any more. */
    async idle(): Promise<void> {
      while (running !== undefined) await running;
    },
  };
}
export type Intake = ReturnType<typeof createIntake>;
