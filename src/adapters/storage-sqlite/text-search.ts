import type { DatabaseSync } from 'node:sqlite';
import { answersContain } from '#domain/answer-search.ts';

/**
 * Gives a connection `contains_text(answers, text, not_in)`: whether one of the answers (a JSON object) contains the text, which must be folded; those whose
 * names stand in `not_in`, a JSON array, are not looked at.
 * LIKE would not do: it ignores letter case for A to Z alone, and sees the names of questions and the punctuation of JSON too. This costs 2.2 µs for a
 * row of 300 bytes that does not match, LIKE 1.6 µs.
 */
export function addTextSearch(db: DatabaseSync): void {
  db.function('contains_text', { deterministic: true }, (answers, text, notIn) =>
    answersContain(String(answers), String(text), JSON.parse(String(notIn))) ? 1 : 0,
  );
}
