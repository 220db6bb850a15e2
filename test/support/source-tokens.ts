/**
 * A small scanner for TypeScript: enough to find imports, strings and names without mistaking a comment, a string or a regular expression for code.
 * (TypeScript 7 has no API to ask.)
 */
export type Token = {
  /** `string`: also a template, of which only the text before its first `${` is kept. */
  kind: 'word' | 'string' | 'mark' | 'regexp';
  /** A string without its quotes, escapes as written. */
  text: string;
  /** 1-based. */
  line: number;
};

export type Scan = {
  tokens: Token[];
  /** Whether every bracket was closed: otherwise the scanner has lost its way and nothing it says can be trusted. */
  balanced: boolean;
};

// After these a slash begins a regular expression; after any other word, a number or a closing bracket it divides.
const beforeRegexp = new Set(
  'return typeof case in of delete void throw new else do instanceof yield await default'.split(' '),
);
const closing: Record<string, string> = { ')': '(', ']': '[', '}': '{' };
const templateBrace = '${';

const pattern = {
  space: /\s+/y,
  comment: /\/\/[^\n]*|\/\*[\s\S]*?\*\//y,
  string: /'(?:[^'\\\n]|\\[\s\S])*'|"(?:[^"\\\n]|\\[\s\S])*"/y,
  templateText: /(?:[^`\\$]|\\[\s\S]|\$(?!\{))*/y,
  regexp: /\/(?:[^/\\[\n]|\\.|\[(?:[^\]\\\n]|\\.)*\])+\/[a-z]*/y,
  number: /\d[\w.]*/y,
  word: /[#@]?[\p{L}_$][\p{L}\p{N}_$]*/uy,
};

export function scan(source: string): Scan {
  const tokens: Token[] = [];
  const open: string[] = [];
  let at = source.startsWith('#!') ? source.indexOf('\n') : 0;
  let line = 1;
  let balanced = true;

  /** What the pattern matches here, or undefined; moves on behind it. */
  function take(what: RegExp): string | undefined {
    what.lastIndex = at;
    const found = what.exec(source)?.[0];
    if (found === undefined) return undefined;
    at += found.length;
    return found;
  }

  function push(kind: Token['kind'], text: string, raw: string): void {
    tokens.push({ kind, text, line });
    line += raw.split('\n').length - 1;
  }

  function skip(raw: string): void {
    line += raw.split('\n').length - 1;
  }

  /** From behind a backtick or the brace that ends an expression, up to the end or the next `${`. */
  function templateText(first: boolean): void {
    const text = take(pattern.templateText) ?? '';
    if (first) push('string', text, text);
    else skip(text);
    if (source.startsWith(templateBrace, at)) {
      at += 2;
      open.push(templateBrace);
    } else {
      balanced &&= source[at] === '`';
      at += 1;
    }
  }

  function regexpMayBegin(): boolean {
    const last = tokens.at(-1);
    if (last === undefined) return true;
    if (last.kind === 'mark') return !(last.text in closing);
    return last.kind === 'word' && beforeRegexp.has(last.text);
  }

  function mark(): void {
    const char = source[at]!;
    at += 1;
    if (char === '`') templateText(true);
    else if (char === '}' && open.at(-1) === templateBrace) {
      open.pop();
      templateText(false);
    } else {
      if ('([{'.includes(char)) open.push(char);
      if (char in closing) balanced &&= open.pop() === closing[char];
      push('mark', char, char);
    }
  }

  while (at < source.length) {
    const blank = take(pattern.space) ?? take(pattern.comment);
    if (blank !== undefined) {
      skip(blank);
      continue;
    }
    const quoted = take(pattern.string);
    const regexp = quoted === undefined && regexpMayBegin() ? take(pattern.regexp) : undefined;
    const word = quoted ?? regexp ?? take(pattern.word) ?? take(pattern.number);
    if (quoted !== undefined) push('string', quoted.slice(1, -1), quoted);
    else if (regexp !== undefined) push('regexp', regexp, regexp);
    else if (word !== undefined) push('word', word, word);
    else mark();
  }
  return { tokens, balanced: balanced && open.length === 0 };
}
