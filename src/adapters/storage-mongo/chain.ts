import { randomUUID } from 'node:crypto';
import type { Db } from 'mongodb';
import { type ChainHead, genesis } from '#domain/receipt.ts';
import type { Chain } from '#ports/storage.ts';
import { type ResponseRecord, twelveDigits } from './collections.ts';
import { counterNames, countersCollection } from './commit/relay.ts';

export type ChainRecord = {
  _id: string;
  /** In the order in which chains were begun. */
  number: number;
  startedAt: number;
  previous: ChainHead | null;
  signed: Chain['signed'] | null;
};

export const linkOf = (chain: string, seq: number): string => `${chain}:${twelveDigits(seq)}`;
/** `;` follows `:`: every link of the chain lies between. */
export const linkRange = (chain: string, after: number) => ({ $gt: linkOf(chain, after), $lt: `${chain};` });

export function createChains(db: Db) {
  const chains = db.collection<ChainRecord>('chains');
  const responses = db.collection<ResponseRecord>('responses');

  /** The newest link there is, of the newest chain that has any. */
  async function newestLink(): Promise<ChainHead | null> {
    for await (const { _id } of chains.find().sort({ number: -1 }).batchSize(10)) {
      const last = await responses
        .find({ link: linkRange(_id, 0) })
        .sort({ link: -1 })
        .limit(1)
        .project<Pick<ResponseRecord, 'receipt'>>({ receipt: 1 })
        .next();
      if (last) return { chain: _id, seq: last.receipt.seq, sha256: last.receipt.sha256 };
    }
    return null;
  }

  return {
    /** A new chain of this process, which names the newest link of the one before. Errors: the driver's. */
    async begin(at: number): Promise<ChainHead> {
      const previous = await newestLink();
      const counter = await db
        .collection<{ _id: string; n: number }>(countersCollection)
        .findOneAndUpdate({ _id: counterNames.chains }, { $inc: { n: 1 } }, { returnDocument: 'after' });
      const id = `chn_${randomUUID()}`;
      await chains.insertOne({ _id: id, number: counter!.n, startedAt: at, previous, signed: null });
      return { chain: id, seq: 0, sha256: previous?.sha256 ?? genesis };
    },
    /** Oldest first. */
    list: (): Promise<ChainRecord[]> => chains.find().sort({ number: 1 }).toArray(),
    async sign(id: string, signed: Chain['signed']): Promise<void> {
      await chains.updateOne({ _id: id }, { $set: { signed } });
    },
  };
}
export type Chains = ReturnType<typeof createChains>;
