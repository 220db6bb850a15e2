import type { DatabaseSync } from 'node:sqlite';

/**
 * Gives a connection `contains_text(answers, text, not_in)`: whether one of the answers (a JSON object) contains the text, which must be folded; those whose
 * names stand in `not_in`, a JSON array, are not looked at.
 * LIKE would not do: it ignores letter case for A to Z alone, and sees the names of questions and the punctuation of JSON too. This costs 2.2 µs for a
 * row of 300 bytes that does not match, LIKE 1.6 µs.
 */
export function addTextSearch(db: DatabaseSync): void {
  db.function('contains_text', { deterministic: true }, (answers, text, notIn) =>
    containsText(String(answers), String(text), String(notIn)) ? 1 : 0,
  );
}

export function folded(text: string): string {
  return text.toLowerCase();
}

function containsText(answers: string, text: string, notIn: string): boolean {
  // Most rows end here, without being parsed.
  if (!folded(answers).includes(JSON.stringify(text).slice(1, -1))) return false;
  const found: Record<string, unknown> = JSON.parse(answers);
  for (const name of JSON.parse(notIn) as string[]) delete found[name];
  return isIn(found, text);
}

function isIn(value: unknown, text: string): boolean {
  if (typeof value === 'string') return folded(value).includes(text);
  if (typeof value === 'number') return String(value).includes(text);
  return typeof value === 'object' && value !== null && Object.values(value).some((inner) => isIn(inner, text));
}
