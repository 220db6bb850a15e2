import type { Collection, Db, Document } from 'mongodb';
import type { KeptResponse } from '#domain/response.ts';
import { rootTaskId } from '#domain/task.ts';
import {
  type Chain,
  countedValues,
  type Link,
  type ResponseCounts,
  type ResponseDay,
  type Storage,
} from '#ports/storage.ts';
import { type ChainRecord, type Chains, linkRange } from './chain.ts';
import { type ResponseRecord, storedOf, type TaskRecord } from './collections.ts';

/** A link's position: the number of its chain above its own number. */
const linksOfChain = 2 ** 32;

type DaysQuery = Parameters<Storage['responses']['days']>[0];

export function createResponseReads({ db, chains, tasks }: { db: Db; chains: Chains; tasks: Collection<TaskRecord> }) {
  const responses = db.collection<ResponseRecord>('responses');
  const grouped = <T extends Document>(pipeline: Document[]): Promise<T[]> =>
    responses.aggregate<T>(pipeline).toArray();

  async function analytics(query: {
    formId: string;
    fields: string[];
    from?: number;
    to?: number;
  }): Promise<ResponseCounts> {
    const at = {
      ...(query.from !== undefined && { $gte: query.from }),
      ...(query.to !== undefined && { $lt: query.to }),
    };
    const those = { $match: { formId: query.formId, ...(Object.keys(at).length > 0 && { at }) } };
    const by = (field: string) => ({ $group: { _id: field, count: { $sum: 1 } } });
    const [days, labels, questions] = await Promise.all([
      grouped<{ _id: string; count: number }>([those, by('$day'), { $sort: { _id: 1 } }]),
      grouped<{ _id: string | null; count: number }>([those, by('$label'), { $sort: { count: -1, _id: 1 } }]),
      // One for all questions: a form may have more of them than this process has connections.
      grouped<{ _id: string; values: { value: string | number | boolean; count: number }[] }>([
        those,
        { $unwind: '$counted' },
        { $match: { 'counted.name': { $in: query.fields } } },
        { $group: { _id: { name: '$counted.name', value: '$counted.value' }, count: { $sum: 1 } } },
        { $sort: { count: -1, '_id.value': 1 } },
        {
          $group: {
            _id: '$_id.name',
            values: { $firstN: { input: { value: '$_id.value', count: '$count' }, n: countedValues.most } },
          },
        },
      ]),
    ]);
    const valuesOf = new Map(questions.map(({ _id, values }) => [_id, values]));
    return {
      total: days.reduce((sum, { count }) => sum + count, 0),
      perDay: days.map(({ _id, count }) => ({ day: _id, count })),
      byLabel: labels.flatMap(({ _id, count }) => (_id === null ? [] : [{ label: _id === '' ? null : _id, count }])),
      unlabelled: labels.find(({ _id }) => _id === null)?.count ?? 0,
      byField: Object.fromEntries(query.fields.map((name) => [name, valuesOf.get(name) ?? []])),
    };
  }

  async function days({ formId, from, to, only }: DaysQuery): Promise<ResponseDay[]> {
    const at = { $gte: from ?? 0, $lt: to ?? Number.MAX_SAFE_INTEGER };
    const day = only && { day: { $gte: only.from, $lte: only.to } };
    const group = { _id: '$day', count: { $sum: 1 }, first: { $min: '$at' }, last: { $max: '$at' } };
    const found = await grouped<{ _id: string } & Omit<ResponseDay, 'day'>>([
      { $match: { formId, at, ...day } },
      { $group: group },
      { $sort: { _id: 1 } },
    ]);
    return found.map(({ _id, count, first, last }) => ({ day: _id, count, first, last }));
  }

  /** A page at a time by the first of the index, so that no write is longer than an operation may be. */
  async function forgetKeys(before: number, limit: number): Promise<number> {
    const found = await responses
      .find({ keyedAt: { $lt: before } })
      .limit(limit)
      .project<{ _id: string }>({ _id: 1 })
      .toArray();
    if (found.length === 0) return 0;
    const done = await responses.bulkWrite(
      found.map(({ _id }) => ({
        updateOne: { filter: { _id }, update: { $set: { key: `id:${_id}` }, $unset: { keyedAt: '' } } },
      })),
      { ordered: false },
    );
    return done.modifiedCount;
  }

  /** Chain by chain, each in the order of its numbers. */
  async function links(after: number, limit: number): Promise<Link[]> {
    const first = Math.floor(after / linksOfChain);
    const found: { record: ResponseRecord; position: number }[] = [];
    for (const { _id, number } of await chains.list()) {
      if (number < first || found.length === limit) continue;
      const seen = number === first ? after % linksOfChain : 0;
      const records = await responses
        .find({ link: linkRange(_id, seen) })
        .sort({ link: 1 })
        .limit(limit - found.length)
        .toArray();
      found.push(...records.map((record) => ({ record, position: number * linksOfChain + record.receipt.seq })));
    }
    const steps = await stepsOf(found.map(({ record }) => record));
    return found.map(({ record, position }) => {
      const response = storedOf('response', record).doc as KeptResponse;
      return { position, receipt: response.receipt, response, steps: steps.get(record._id) ?? [] };
    });
  }

  /** Those in their place, and those that their response still carries. */
  async function stepsOf(records: ResponseRecord[]): Promise<Map<string, Link['steps']>> {
    const steps = new Map<string, Map<string, Link['steps'][number]>>();
    const roots = new Map<string, string>();
    for (const { _id, outbox } of records) {
      roots.set(rootTaskId(_id), _id);
      const own = Object.values(outbox ?? {}).flatMap((entry) => entry.tasks);
      steps.set(_id, new Map(own.map((task) => [task._id, { id: task._id, status: 'pending' }])));
    }
    const found = await tasks
      .find({ root: { $in: [...roots.keys()] } })
      .project<Pick<TaskRecord, '_id' | 'root' | 'status'>>({ root: 1, status: 1 })
      .toArray();
    for (const { _id, root, status } of found)
      steps.get(roots.get(root!)!)!.set(_id, { id: _id, status: status as Link['steps'][number]['status'] });
    return new Map([...steps].map(([id, those]) => [id, [...those.values()]]));
  }

  return { analytics, days, forgetKeys, links };
}

export function chainOf({ _id, startedAt, previous, signed }: ChainRecord): Chain {
  return { id: _id, startedAt, previous: previous ?? undefined, signed: signed ?? undefined };
}
