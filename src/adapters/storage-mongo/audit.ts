import type { Db, Filter } from 'mongodb';
import type { AuditEntry, AuditSeal } from '#domain/audit.ts';
import type { AuditStore } from '#ports/storage.ts';
import { type AuditRecord, twelveDigits } from './collections.ts';
import { answered, isDuplicate } from './connection.ts';

export const sealedPlace = (seq: number): string => `seq:${twelveDigits(seq)}`;
/** `;` follows `:`. */
const unsealedPlaces = { $gt: 'id:', $lt: 'id;' };

export const entryOf = (record: AuditRecord): AuditEntry => JSON.parse(record.doc);

/** Entries in the order of their ids, which begin with the time. */
export function createAuditStore(db: Db, longDb: Db): AuditStore {
  const audit = db.collection<AuditRecord>('audit');

  async function lastSeal(): Promise<AuditSeal | undefined> {
    const last = await audit.findOne({ place: { $gt: 'seq:', $lt: 'seq;' } }, { sort: { place: -1 } });
    return last?.seal;
  }

  /**
   * One after the other: the first number decides between two sealers, since the place of an entry is unique. A sealer that dies half-way leaves a
   * shorter chain, which the next one continues.
   */
  async function seal(seals: { id: string; seal: AuditSeal }[]): Promise<boolean> {
    const last = (await lastSeal())?.seq ?? 0;
    if (!seals.every(({ seal }, i) => seal.seq === last + 1 + i)) return false;
    const places = seals.map(({ id }) => `id:${id}`);
    if ((await audit.countDocuments({ place: { $in: places } })) !== new Set(places).size) return false;
    for (const { id, seal } of seals) {
      try {
        const done = await audit.updateOne(
          { _id: id, place: `id:${id}` },
          { $set: { place: sealedPlace(seal.seq), seal: { ...seal } } },
        );
        if (done.matchedCount === 0) return false;
      } catch (err) {
        if (isDuplicate(err)) return false;
        throw err;
      }
    }
    return true;
  }

  async function list(query: { after?: string; limit: number; action?: string }) {
    const filter: Filter<AuditRecord> = {};
    if (query.action !== undefined) filter.action = query.action;
    if (query.after !== undefined) filter._id = { $lt: query.after };
    const found = await audit
      .find(filter)
      .sort({ _id: -1 })
      .limit(query.limit + 1)
      .toArray();
    const items = found.slice(0, query.limit).map((record) => ({ entry: entryOf(record), seal: record.seal }));
    return { items, next: found.length > items.length ? items.at(-1)?.entry.id : undefined };
  }

  async function sealed(after: number, limit: number) {
    const found = await longDb
      .collection<AuditRecord>('audit')
      .find({ place: { $gt: sealedPlace(after), $lt: 'seq;' } })
      .sort({ place: 1 })
      .limit(limit)
      .toArray();
    return found.map((record) => ({ entry: entryOf(record), seal: record.seal! }));
  }

  const read = <T>(work: Promise<T>) => answered('The store cannot read.', work);
  return {
    unsealed: async (limit) =>
      (await read(audit.find({ place: unsealedPlaces }).sort({ place: 1 }).limit(limit).toArray())).map(entryOf),
    unsealedCount: () => read(audit.countDocuments({ place: unsealedPlaces })),
    seal: (seals) => answered('The store cannot write.', seal(seals)),
    lastSeal: () => read(lastSeal()),
    list: (query) => read(list(query)),
    sealed: (after, limit) => read(sealed(after, limit)),
  };
}
