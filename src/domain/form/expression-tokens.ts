/** `at` is the 0-based position in the text. For names and strings `text` is the content without its braces or quotes. */
export type Token = { kind: 'name' | 'string' | 'number' | 'word' | 'symbol' | 'end'; text: string; at: number };

// The longest first: `<=` must not be read as `<` and `=`.
const symbol = /\|\||&&|<=|>=|==|!=|\*=|[<>=!+\-*/%^()[\],]/y;
const name = /\{([^{}]+)\}/y;
// SurveyJS knows two escapes, \' and \", and no quotation mark of either kind unescaped.
const string = /'((?:\\['"]|[^'"\\]|\\(?!['"]))*)'|"((?:\\['"]|[^'"\\]|\\(?!['"]))*)"/y;
const number = /(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?![0-9A-Za-z_.])/y;
const word = /[A-Za-z_][A-Za-z_0-9]*/y;
const blank = /[ \t\n\r]+/y;

/** Cuts an expression into tokens, the last of kind `end`; `problem` says what cannot be read and how to mend it. */
export function tokenize(source: string): Token[] | { problem: string } {
  const tokens: Token[] = [];
  let at = 0;
  const match = (pattern: RegExp): RegExpExecArray | null => {
    pattern.lastIndex = at;
    return pattern.exec(source);
  };
  while (at < source.length) {
    const space = match(blank);
    if (space) {
      at += space[0].length;
      continue;
    }
    const token = readToken(match, at);
    if (!token) return { problem: problemAt(source, at) };
    tokens.push(token.token);
    at += token.length;
  }
  tokens.push({ kind: 'end', text: 'end', at });
  return tokens;
}

function readToken(
  match: (pattern: RegExp) => RegExpExecArray | null,
  at: number,
): { token: Token; length: number } | undefined {
  const kinds = [
    ['name', name],
    ['string', string],
    ['number', number],
    ['word', word],
    ['symbol', symbol],
  ] as const;
  for (const [kind, pattern] of kinds) {
    const found = match(pattern);
    if (!found) continue;
    const text = kind === 'string' ? unescaped(found[1] ?? found[2] ?? '') : (found[1] ?? found[0]);
    return { token: { kind, text, at }, length: found[0].length };
  }
  return undefined;
}

function unescaped(text: string): string {
  return text.replaceAll("\\'", "'").replaceAll('\\"', '"');
}

function problemAt(source: string, at: number): string {
  const character = String.fromCodePoint(source.codePointAt(at)!);
  const place = `at position ${at + 1}`;
  if (character === '{') return `Write a question's name in braces ${place}, such as {age}.`;
  if (character === "'" || character === '"')
    return `Close the text ${place}; write quotation marks inside it as \\' or \\".`;
  if (/[0-9.]/.test(character)) return `Write the number ${place} in plain decimals, such as 0.5.`;
  return `“${character}” ${place} is not part of an expression: put texts in single quotes.`;
}
