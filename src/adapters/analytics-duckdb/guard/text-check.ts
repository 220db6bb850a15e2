import { deepestBrackets, longestSql } from '#domain/analyst-functions.ts';
import { refuse } from './refusal.ts';

/**
 * The text that the parser may see: without the semicolon at its end, so that it can stand within brackets. What is too long or nested too deep never
 * reaches the parser. Brackets are counted in texts and comments too: a count that knew those could be led astray by one that ends elsewhere than it thinks.
 * Errors: `Refusal`.
 */
export function checkText(sql: string): string {
  if (sql.length > longestSql) refuse(`The SQL has ${sql.length} characters; at most ${longestSql} are read.`);
  if (sql.includes('\0')) refuse('The SQL holds a character with the code 0.');
  let depth = 0;
  for (const character of sql) {
    if ('([{'.includes(character)) depth += 1;
    else if (')]}'.includes(character)) depth = Math.max(0, depth - 1);
    if (depth > deepestBrackets) refuse(`Brackets stand within brackets more than ${deepestBrackets} deep.`);
  }
  return sql.replace(/[;\s]+$/, '');
}
