import type { KeptResponse } from '#domain/response.ts';
import type { ChangeFeed, ChangeRange, FeedItem, FeedQuery } from '#ports/change-feed.ts';
import { docOf, documentColumns, type SqlRow } from '../tables.ts';
import type { Reader } from '../threads.ts';

/** Rows read at once, and characters after which a page ends early: as for lists. */
const chunkRows = 100;
const pageCharacters = 16_000_000;

/** Both parts of the feed are read by an index of form and number. */
export function createChangeReads(reader: Reader, newest: () => Promise<number>): ChangeFeed {
  async function days({ formId, after, to }: ChangeRange) {
    const range = [formId, after, to];
    const rows = await reader.all(
      `SELECT day, count(*) AS changes, max(number) AS newest FROM (
         SELECT day, changed AS number FROM responses WHERE form_id = ? AND changed > ? AND changed <= ?
         UNION ALL SELECT day, number FROM removals WHERE form_id = ? AND number > ? AND number <= ?
       ) GROUP BY day ORDER BY day`,
      ...range,
      ...range,
    );
    return rows.map((row) => ({
      day: row.day as string,
      changes: Number(row.changes),
      newest: Number(row.newest),
    }));
  }

  async function list({ formId, after, to = Number.MAX_SAFE_INTEGER, limit }: FeedQuery) {
    const items: FeedItem[] = [];
    let characters = 0;
    let at = after;
    for (;;) {
      const wanted = Math.min(chunkRows, limit - items.length);
      const found = await chunk({ formId, after: at, to }, wanted);
      for (const item of found) {
        if (items.length > 0 && characters > pageCharacters) return { items, next: at };
        characters += item.characters;
        items.push(item.item);
        at = item.item.number;
      }
      if (found.length < wanted) return { items, next: undefined };
      if (items.length === limit) return { items, next: at };
    }
  }

  async function chunk({ formId, after, to }: ChangeRange, limit: number) {
    const range = [formId, after, to, limit];
    const [changed, removed] = await Promise.all([
      reader.all(
        `SELECT ${documentColumns('response')}, changed FROM responses
         WHERE form_id = ? AND changed > ? AND changed <= ? ORDER BY changed LIMIT ?`,
        ...range,
      ),
      reader.all(
        'SELECT number, id, day FROM removals WHERE form_id = ? AND number > ? AND number <= ? ORDER BY number LIMIT ?',
        ...range,
      ),
    ]);
    return [...changed.map(changedItem), ...removed.map(removedItem)]
      .sort((a, b) => a.item.number - b.item.number)
      .slice(0, limit);
  }

  return { newest, days, list };
}

type Sized = { item: FeedItem; characters: number };

function changedItem(row: SqlRow): Sized {
  const response = docOf('response', row) as KeptResponse;
  return {
    item: { number: row.changed as number, revision: row.revision as number, response },
    characters: String(row.doc).length + String(row.answers).length,
  };
}

function removedItem(row: SqlRow): Sized {
  const removed = { id: row.id as string, day: row.day as string };
  return { item: { number: row.number as number, removed }, characters: 100 };
}
