import type { DatabaseSync } from 'node:sqlite';
import { responseLine } from '#domain/response-lines.ts';
import { createUtf8 } from '#domain/utf8.ts';
import type { LineAnswer, LineRead } from './protocol.ts';
import { unopened } from './tables.ts';

/** Rows read at once: 50 of 256 kB are 13 MB. One by one, through an iterator, each takes 0.5 µs more. */
const rowsAtOnce = 50;
/** A page ends after the rows that make it so long: two hundred of 1 kB. */
const pageBytes = 200 * 1024;

/** Makes pages of lines in the thread that reads: to take the JSON of a response apart and to put it together anew takes longer than to read it. */
export function createLinePages(db: DatabaseSync): (read: LineRead) => LineAnswer {
  // By time and number; `at` alone as well, by which SQLite finds its place in the index.
  const rows = db.prepare(
    `SELECT ${unopened.columns} FROM responses WHERE form_id = ? AND at >= ? AND at < ? AND (at, n) > (?, ?) ORDER BY at, n LIMIT ${rowsAtOnce}`,
  );
  rows.setReturnArrays(true);

  return ({ formId, from = Number.MIN_SAFE_INTEGER, to, cover, after = [from, -1] }) => {
    const lines = createUtf8(1.5 * pageBytes);
    let count = 0;
    let first: number | undefined;
    let [at, n] = after;
    for (;;) {
      const found = rows.all(formId, at, to, at, n) as unknown[];
      for (const values of found) {
        const row = unopened.of(values);
        lines.add(responseLine(row.response, row.answers, cover));
        [at, n] = [row.at, row.n];
        first ??= at;
      }
      count += found.length;
      const full = lines.bytes().length >= pageBytes;
      if (!full && found.length === rowsAtOnce) continue;
      const page = first === undefined ? undefined : { bytes: lines.bytes(), count, first, last: at };
      return { page, next: full ? [at, n] : undefined };
    }
  };
}
