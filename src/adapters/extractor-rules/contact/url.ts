import type { Found } from '../text/found.ts';

const MAX_URL = 2048;
const WITH_SCHEME = /(?<![\p{L}\p{N}])(?:https?:\/\/|www\.)[^\s<>"'`\p{C}]{1,2048}/giu;
/** Endings that are no common word, so that "too late.it was" or "call me.so" is no address. Others need `www.` or a scheme. */
const BARE =
  /(?<![\p{L}\p{N}@._/-])(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.){1,4}(?:com|org|net|edu|gov|io|dev|app|info|de|fr|es|nl|eu|ch|uk|pl|se|dk|ru|jp|cn|br)(?![\p{L}\p{N}@_]|\.\p{L}|-)(?:[/?#][^\s<>"'`\p{C}]{0,2048})?/giu;
const CLOSERS: Record<string, string> = { ')': '(', ']': '[', '}': '{' };

/** The address without the punctuation of the sentence around it; a closing bracket stays when it was opened inside. */
function trimEnd(url: string): string {
  let end = url.length;
  while (end > 0) {
    const last = url[end - 1]!;
    const opener = CLOSERS[last];
    if (opener !== undefined) {
      const inside = url.slice(0, end);
      if (inside.split(opener).length >= inside.split(last).length) break;
    } else if (!/[.,;:!?'*_~…»“”]/u.test(last)) break;
    // A run of thousands of closing marks is no address, and counting brackets for each would be quadratic.
    if (url.length - end > 16) return '';
    end -= 1;
  }
  return url.slice(0, end);
}

/** Scheme and host in lower case, the rest as written; `https://` when no scheme was given. */
function normalise(source: string): string | undefined {
  const full = /^https?:\/\//i.test(source) ? source : `https://${source}`;
  if (full.length > MAX_URL || !URL.canParse(full)) return undefined;
  const [, scheme, host, rest] = /^(https?:\/\/)([^/?#]*)(.*)$/is.exec(full) ?? [];
  if (!scheme || !host || !/\.|^localhost(?::|$)|\]/i.test(host)) return undefined;
  return scheme.toLowerCase() + host.toLowerCase() + rest;
}

/** Web addresses: `https://…`, `www.…`, and bare domains of well-known endings. Those with a scheme come first; overlaps are the caller's. */
export function findUrls(text: string): Found[] {
  const found: Found[] = [];
  for (const pattern of [WITH_SCHEME, BARE]) {
    for (const match of text.matchAll(pattern)) {
      const source = trimEnd(match[0]);
      const value = source && normalise(source);
      if (value) found.push({ start: match.index, end: match.index + source.length, value });
    }
  }
  return found;
}
