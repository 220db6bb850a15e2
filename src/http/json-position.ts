const literals = ['true', 'false', 'null'];
const numberPattern = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
const escapePattern = /\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})/y;

type Expected = 'value' | 'value-or-end' | 'key' | 'key-or-end' | 'colon' | 'comma-or-end';

/**
 * Where `text` stops being JSON (RFC 8259): the index of the first character that cannot stand there, `text.length` when it merely ends too early,
 * undefined when it is JSON. Only asked after JSON.parse refused: its own message leaves the position out half of the time and quotes the body.
 */
export function jsonErrorPosition(text: string): number | undefined {
  const open: ('{' | '[')[] = [];
  /** What may come next. */
  let expected = 'value' as Expected;
  let at = 0;
  for (;;) {
    at = skipSpace(text, at);
    const char = text[at];
    if (char === undefined) return open.length === 0 && expected === 'comma-or-end' ? undefined : at;
    if (expected === 'comma-or-end') {
      const top = open.at(-1);
      if (top === undefined) return at;
      if (char === ',') expected = top === '{' ? 'key' : 'value';
      else if (char === (top === '{' ? '}' : ']')) open.pop();
      else return at;
      at += 1;
    } else if (expected === 'colon') {
      if (char !== ':') return at;
      expected = 'value';
      at += 1;
    } else if ((char === '}' && expected === 'key-or-end') || (char === ']' && expected === 'value-or-end')) {
      open.pop();
      expected = 'comma-or-end';
      at += 1;
    } else if (char === '"') {
      const string = endOfString(text, at);
      if ('wrong' in string) return string.wrong;
      expected = expected === 'key' || expected === 'key-or-end' ? 'colon' : 'comma-or-end';
      at = string.end;
    } else if (expected === 'key' || expected === 'key-or-end') {
      return at;
    } else if (char === '{' || char === '[') {
      open.push(char);
      expected = char === '{' ? 'key-or-end' : 'value-or-end';
      at += 1;
    } else {
      const end = endOfScalar(text, at);
      if (end === undefined) return at;
      expected = 'comma-or-end';
      at = end;
    }
  }
}

function skipSpace(text: string, from: number): number {
  let at = from;
  for (;;) {
    const code = text.charCodeAt(at);
    if (code !== 32 && code !== 10 && code !== 13 && code !== 9) return at;
    at += 1;
  }
}

function endOfString(text: string, from: number): { end: number } | { wrong: number } {
  for (let at = from + 1; ; ) {
    const code = text.charCodeAt(at);
    if (code === 34) return { end: at + 1 };
    if (Number.isNaN(code)) return { wrong: text.length };
    if (code < 32) return { wrong: at };
    if (code === 92) {
      escapePattern.lastIndex = at;
      if (!escapePattern.test(text)) return { wrong: at };
      at = escapePattern.lastIndex;
    } else {
      at += 1;
    }
  }
}

function endOfScalar(text: string, at: number): number | undefined {
  const literal = literals.find((word) => text.startsWith(word, at));
  if (literal !== undefined) return at + literal.length;
  numberPattern.lastIndex = at;
  return numberPattern.test(text) ? numberPattern.lastIndex : undefined;
}
