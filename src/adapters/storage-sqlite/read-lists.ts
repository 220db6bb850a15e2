import { AppError } from '#domain/errors.ts';
import type { Kind, Page, Query, Stored } from '#ports/storage.ts';
import { docOf, type SqlRow, type SqlValue, tables } from './tables.ts';
import { folded } from './text-search.ts';
import type { Reader } from './threads.ts';

/** Reads of documents by id, by key and by list, the same for every kind. */
export function createDocumentReads(reader: Reader) {
  const stored = <K extends Kind>(kind: K, row: SqlRow): Stored<K> =>
    ({ revision: row.revision as number, doc: docOf(kind, row) }) as unknown as Stored<K>;

  async function get<K extends Kind>(kind: K, id: string): Promise<Stored<K> | undefined> {
    const row = await reader.get(`SELECT * FROM ${tables[kind].name} WHERE id = ?`, id);
    return row && stored(kind, row);
  }

  async function getByKey<K extends Kind>(kind: K, key: string): Promise<Stored<K> | undefined> {
    const row = await reader.get(`SELECT * FROM ${tables[kind].name} WHERE key = ?`, key);
    return row && stored(kind, row);
  }

  async function list<K extends Kind>(kind: K, query: Query<K>): Promise<Page<K>> {
    const conditions: string[] = [];
    const values: SqlValue[] = [];
    const where = (condition: string, ...bound: SqlValue[]) => {
      conditions.push(condition);
      values.push(...bound);
    };
    for (const [field, value] of Object.entries(query.where ?? {})) {
      if (value !== undefined) where(`${tables[kind].narrow[field]} = ?`, value as SqlValue);
    }
    if (query.from !== undefined) where('at >= ?', query.from);
    if (query.to !== undefined) where('at < ?', query.to);
    if (query.text !== undefined) where('contains_text(answers, ?)', folded(query.text));
    if (query.after !== undefined) where(`(at, n) ${query.newestFirst ? '<' : '>'} (?, ?)`, ...positionOf(query.after));
    const order = query.newestFirst ? 'at DESC, n DESC' : 'at, n';
    const rows = await reader.all(
      `SELECT * FROM ${tables[kind].name} ${conditions.length ? `WHERE ${conditions.join(' AND ')}` : ''} ORDER BY ${order} LIMIT ?`,
      ...values,
      query.limit + 1,
    );
    const items = rows.slice(0, query.limit);
    const last = items.at(-1);
    return {
      items: items.map((row) => stored(kind, row)),
      next: rows.length > items.length && last ? `${last.at}.${last.n}` : undefined,
    };
  }

  return { get, getByKey, list };
}

function positionOf(cursor: string): [number, number] {
  const found = /^(\d{1,16})\.(\d{1,16})$/.exec(cursor);
  if (!found)
    throw new AppError('bad-cursor', { detail: 'Use the next_cursor of the page before, unchanged, or leave it out.' });
  return [Number(found[1]), Number(found[2])];
}
