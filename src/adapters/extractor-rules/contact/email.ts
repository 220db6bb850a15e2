import type { Found } from '../text/found.ts';

const LOCAL = /[\p{L}\p{N}.!#$%&'*+/=?^_`{|}~-]/u;
/** Sticky: begins right behind the `@`. Labels are at most 63 long, so a match never looks further than 253. */
const DOMAIN = /(?:[\p{L}\p{N}](?:[\p{L}\p{N}-]{0,61}[\p{L}\p{N}])?\.){1,8}\p{L}{2,24}/uy;
const OUTER = /^[.!#$%&'*/=?^`{|}~-]+/;

/** E-mail addresses, lower-cased. The local part is at most 64 units, so every `@` costs a bounded look to either side. */
export function findEmails(text: string): Found[] {
  const found: Found[] = [];
  for (let at = text.indexOf('@'); at !== -1; at = text.indexOf('@', at + 1)) {
    let start = at;
    while (start > 0 && at - start < 64 && LOCAL.test(text[start - 1]!)) start -= 1;
    start += OUTER.exec(text.slice(start, at))?.[0].length ?? 0;
    const local = text.slice(start, at);
    if (local === '' || local.endsWith('.') || local.includes('..')) continue;
    DOMAIN.lastIndex = at + 1;
    const domain = DOMAIN.exec(text)?.[0];
    if (!domain) continue;
    const end = at + 1 + domain.length;
    found.push({ start, end, value: text.slice(start, end).toLowerCase() });
  }
  return found;
}
