import { RE2JS } from 're2js';

/** A pattern of JavaScript (with its `u` flag) on an engine that never backtracks: time grows with the text, not exponentially.
 *  Errors: throws for what that engine cannot do; parseDefinition refuses such patterns. */
export function linearPattern(source: string): { test(text: string): boolean; toString(): string } {
  const pattern = RE2JS.compile(RE2JS.translateRegExp(withUnicodeSpaces(source)));
  // Ajv tells compiled patterns apart by their text.
  return { test: (text) => pattern.test(text), toString: () => `/${source}/u` };
}

// RE2's \s knows five ASCII spaces and its dot all but \n; JavaScript's \s knows every Unicode space and its dot four line ends.
const spaces =
  '\\t\\n\\x0b\\f\\r \\x{a0}\\x{1680}\\x{2000}-\\x{200a}\\x{2028}\\x{2029}\\x{202f}\\x{205f}\\x{3000}\\x{feff}';
const notSpaces =
  '\\x00-\\x08\\x0e-\\x1f!-\\x{9f}\\x{a1}-\\x{167f}\\x{1681}-\\x{1fff}\\x{200b}-\\x{2027}\\x{202a}-\\x{202e}\\x{2030}-\\x{205e}' +
  '\\x{2060}-\\x{2fff}\\x{3001}-\\x{fefe}\\x{ff00}-\\x{10ffff}';

function withUnicodeSpaces(source: string): string {
  let inClass = false;
  return source.replace(/\\[\s\S]|[[\].]/g, (part) => {
    if (part === '[' && !inClass) inClass = true;
    else if (part === ']') inClass = false;
    else if (part === '\\s') return inClass ? spaces : `[${spaces}]`;
    else if (part === '\\S') return inClass ? notSpaces : `[^${spaces}]`;
    else if (part === '.' && !inClass) return '[^\\n\\r\\x{2028}\\x{2029}]';
    return part;
  });
}
