import { folded } from '#domain/answer-search.ts';
import { AppError } from '#domain/errors.ts';
import type { Kind, Page, Query, Stored } from '#ports/storage.ts';
import { docOf, documentColumns, type SqlRow, type SqlValue, tables } from '../tables.ts';
import type { Reader } from '../threads.ts';

/**
 * Rows read at once, and characters after which a page ends early: a thousand responses of 256 kB must not be in memory together. An export reads a page of 250
 * in one go then, and the reading thread never waits for this one in the middle of a page.
 */
const chunkRows = 251;
const pageCharacters = 16_000_000;

/** Reads of documents by id, by key and by list, the same for every kind. */
export function createDocumentReads(reader: Reader, longReader: Reader) {
  const stored = <K extends Kind>(kind: K, row: SqlRow): Stored<K> =>
    ({ revision: row.revision as number, doc: docOf(kind, row) }) as unknown as Stored<K>;

  async function get<K extends Kind>(kind: K, id: string): Promise<Stored<K> | undefined> {
    const row = await reader.get(`SELECT ${documentColumns(kind)} FROM ${tables[kind].name} WHERE id = ?`, id);
    return row && stored(kind, row);
  }

  async function getByKey<K extends Kind>(kind: K, key: string): Promise<Stored<K> | undefined> {
    const row = await reader.get(`SELECT ${documentColumns(kind)} FROM ${tables[kind].name} WHERE key = ?`, key);
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
    if (query.text !== undefined)
      where('contains_text(answers, ?, ?)', folded(query.text), JSON.stringify(query.notIn ?? []));
    const order = query.newestFirst ? 'at DESC, n DESC' : 'at, n';
    // A search reads every response of a form.
    const from = query.text === undefined ? reader : longReader;
    const read = (after: string | undefined, rows: number): Promise<SqlRow[]> => {
      const times = timesOf(query, after);
      const all = [...conditions, ...times.conditions];
      return from.all(
        `SELECT ${documentColumns(kind)} FROM ${tables[kind].name} ${all.length ? `WHERE ${all.join(' AND ')}` : ''} ORDER BY ${order} LIMIT ?`,
        ...values,
        ...times.values,
        rows,
      );
    };
    return pageOf(read, query).then(({ rows, next }) => ({ items: rows.map((row) => stored(kind, row)), next }));
  }

  return { get, getByKey, list };
}

/**
 * The range of times that is left behind the position. It is said by `at` alone too, and instead of the end of the range that the position has passed: SQLite finds
 * its place in the index by the one and would walk there from the other, for each page a longer way (200,000 responses took 9 s, and 1 s so).
 */
function timesOf(
  { from, to, newestFirst }: { from?: number; to?: number; newestFirst?: boolean },
  after: string | undefined,
): { conditions: string[]; values: SqlValue[] } {
  const [at, n] = after === undefined ? [] : positionOf(after);
  const bounds: [condition: string, ...values: (SqlValue | undefined)[]][] = newestFirst
    ? [
        ['at >= ?', from],
        ['at <= ?', least(at, to === undefined ? undefined : to - 1)],
        ['(at, n) < (?, ?)', at, n],
      ]
    : [
        ['at >= ?', most(at, from)],
        ['at < ?', to],
        ['(at, n) > (?, ?)', at, n],
      ];
  const used = bounds.filter(([, value]) => value !== undefined);
  return {
    conditions: used.map(([condition]) => condition),
    values: used.flatMap(([, ...bound]) => bound as SqlValue[]),
  };
}

const least = (a: number | undefined, b: number | undefined) =>
  a === undefined || b === undefined ? (a ?? b) : Math.min(a, b);
const most = (a: number | undefined, b: number | undefined) =>
  a === undefined || b === undefined ? (a ?? b) : Math.max(a, b);

/** One page, a chunk at a time; `next` where there is more, or may be. */
async function pageOf(
  read: (after: string | undefined, rows: number) => Promise<SqlRow[]>,
  { limit, after }: { limit: number; after?: string },
): Promise<{ rows: SqlRow[]; next: string | undefined }> {
  const rows: SqlRow[] = [];
  let characters = 0;
  let position = after;
  for (;;) {
    const wanted = Math.min(chunkRows, limit + 1 - rows.length);
    const chunk = await read(position, wanted);
    rows.push(...chunk);
    if (rows.length > limit) return { rows: rows.slice(0, limit), next: cursorAt(rows[limit - 1]!) };
    if (chunk.length < wanted) return { rows, next: undefined };
    for (const row of chunk) characters += String(row.doc).length + String(row.answers ?? '').length;
    position = cursorAt(rows.at(-1)!);
    if (characters > pageCharacters) return { rows, next: position };
  }
}

const cursorAt = (row: SqlRow): string => `${row.at}.${row.n}`;

function positionOf(cursor: string): [number, number] {
  const found = /^(\d{1,16})\.(\d{1,16})$/.exec(cursor);
  if (!found)
    throw new AppError('bad-cursor', { detail: 'Use the next_cursor of the page before, unchanged, or leave it out.' });
  return [Number(found[1]), Number(found[2])];
}
