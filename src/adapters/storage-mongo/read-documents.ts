import type { Db, Filter, FindCursor } from 'mongodb';
import { answersContain, folded } from '#domain/answer-search.ts';
import { AppError } from '#domain/errors.ts';
import type { Keyed, Kind, Page, Query, Stored } from '#ports/storage.ts';
import { type DocumentRecord, keyField, layouts, type ResponseRecord, storedOf } from './collections.ts';

/** Characters after which a page ends early: a thousand responses of 256 kB must not be in memory together. */
const pageCharacters = 16_000_000;
const recordsAtOnce = 100;

/** Reads of documents by id, by key and by list, the same for every kind. */
export function createDocumentReads(db: Db, longDb: Db) {
  const collectionOf = (kind: Kind, from = db) => from.collection<DocumentRecord>(layouts[kind].collection);
  // What carries the commits of others is not for readers.
  const projection = { outbox: 0 } as const;

  async function get<K extends Kind>(kind: K, id: string): Promise<Stored<K> | undefined> {
    const record = await collectionOf(kind).findOne({ _id: id }, { projection });
    return record ? storedOf(kind, record) : undefined;
  }

  async function getByKey<K extends Keyed>(kind: K, key: string): Promise<Stored<K> | undefined> {
    const record = await collectionOf(kind).findOne({ key: keyField(key) }, { projection });
    return record ? storedOf(kind, record) : undefined;
  }

  async function list<K extends Kind>(kind: K, query: Query<K>): Promise<Page<K>> {
    const { records, next } = await listRecords(kind, query);
    return { items: records.map((record) => storedOf(kind, record)), next };
  }

  /** A page of a list as it is kept. */
  async function listRecords<K extends Kind>(kind: K, query: Query<K>) {
    const filter: Record<string, unknown> = {};
    for (const [field, value] of Object.entries(query.where ?? {})) if (value !== undefined) filter[field] = value;
    const at: Record<string, number> = {
      ...(query.from !== undefined && { $gte: query.from }),
      ...(query.to !== undefined && { $lt: query.to }),
    };
    const position = query.after === undefined ? undefined : positionOf(query.after);
    // Said by `at` too, so that the server finds its place in the index and does not walk there from the end of the range.
    if (position && query.newestFirst) at.$lte = position.at;
    if (position && !query.newestFirst) at.$gte = Math.max(position.at, query.from ?? 0);
    if (Object.keys(at).length > 0) filter.at = at;
    if (position) {
      const beyond = query.newestFirst ? '$lt' : '$gt';
      filter.$or = [{ at: { [beyond]: position.at } }, { at: position.at, _id: { [beyond]: position.id } }];
    }
    const direction = query.newestFirst ? -1 : 1;
    // A search reads every response of a form.
    const cursor = collectionOf(kind, query.text === undefined ? db : longDb)
      .find(filter as Filter<DocumentRecord>, {
        projection,
        batchSize: Math.min(recordsAtOnce, query.limit + 1),
      })
      .sort({ at: direction, _id: direction });
    return pageOf(cursor, query);
  }

  return { get, getByKey, list, listRecords };
}
export type DocumentReads = ReturnType<typeof createDocumentReads>;

/** One page, a batch of the cursor at a time; `next` where there is more, or may be. */
async function pageOf(
  cursor: FindCursor<DocumentRecord>,
  { limit, text, notIn }: { limit: number; text?: string; notIn?: readonly string[] },
): Promise<{ records: DocumentRecord[]; next: string | undefined }> {
  const wanted = text === undefined ? undefined : folded(text);
  const records: DocumentRecord[] = [];
  let characters = 0;
  for await (const record of cursor) {
    const { answers = '' } = record as Partial<ResponseRecord>;
    if (wanted !== undefined && !answersContain(answers, wanted, notIn)) continue;
    if (records.length === limit || characters > pageCharacters) return { records, next: cursorAt(records.at(-1)!) };
    records.push(record);
    characters += record.doc.length + answers.length;
  }
  return { records, next: undefined };
}

const cursorAt = ({ at, _id }: DocumentRecord): string => `${at}.${_id}`;

function positionOf(cursor: string): { at: number; id: string } {
  const found = /^(\d{1,16})\.([a-z]{2,8}_[\x21-\x7e]{1,200})$/.exec(cursor);
  if (!found)
    throw new AppError('bad-cursor', { detail: 'Use the next_cursor of the page before, unchanged, or leave it out.' });
  return { at: Number(found[1]), id: found[2]! };
}
