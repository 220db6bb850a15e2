import { deepestBrackets, longestSql } from '#domain/analyst-functions.ts';
import { refuse } from './refusal.ts';

/** A text in one of its ways of writing, a comment to the end of its line, a name, or one character. A text without an end goes to the end of the SQL. */
const part =
  /[eE]'(?:[^'\\]|\\.|'')*'?|'(?:[^']|'')*'?|"(?:[^"]|"")*"?|\$([\p{L}_][\p{L}\p{N}_]*)?\$(?:.*?\$\1\$|.*)|--[^\n\r]*|[\p{L}_][\p{L}\p{N}_$]*|./suy;

/**
 * The text that the parser may see: without the semicolons and comments at its end, so that it can stand within brackets. What is too long or nested too deep never
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
  return withoutEnd(sql);
}

/** Should it be led astray, the SQL becomes another one, and no way around the check, which comes after. */
function withoutEnd(sql: string): string {
  let end = 0;
  for (let at = 0; at < sql.length; ) {
    const isComment = sql.startsWith('/*', at);
    part.lastIndex = at;
    const next = isComment ? commentEnd(sql, at) : at + part.exec(sql)![0].length;
    const says = next === undefined || !(isComment || sql.startsWith('--', at) || /[;\s]/.test(sql[at]!));
    at = next ?? sql.length;
    if (says) end = at;
  }
  return sql.slice(0, end);
}

/** Comments stand within comments. Undefined when it has no end. */
function commentEnd(sql: string, start: number): number | undefined {
  let depth = 0;
  for (const { 0: mark, index } of sql.slice(start).matchAll(/\/\*|\*\//g)) {
    depth += mark === '/*' ? 1 : -1;
    if (depth === 0) return start + index + 2;
  }
  return undefined;
}
