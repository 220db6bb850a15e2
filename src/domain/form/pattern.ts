import { limits } from './limits.ts';

/** Why a regular expression is refused, or undefined. It must be one that JavaScript reads (with the `u` flag, as JSON Schema wants it) and that an
 *  engine without backtracking can run: no look-around, no back-references, nothing repeated more than 1000 times. */
export function patternProblem(source: string): string | undefined {
  if (source.length > limits.patternLength) return `Shorten the pattern to at most ${limits.patternLength} characters.`;
  try {
    new RegExp(source, 'u');
  } catch {
    return 'Mend the pattern: it is not a regular expression of JavaScript (with its u flag, so only special characters may be escaped).';
  }
  return unsupportedPart(source);
}

const maxRepeat = 1000;
const lookAround = /^\(\?(?:=|!|<=|<!)/;
const backReference = /^\\(?:[1-9]|k<)/;
const escaping = /^\\(?:u\{[0-9A-Fa-f]+\}|[pP]\{[^}]*\}|u[0-9A-Fa-f]{4}|.)/s;
const repeat = /^\{([0-9]+)(,[0-9]*)?\}/;

function unsupportedPart(source: string): string | undefined {
  // How often the most repeated part is repeated, for each open group: a{10} inside (…){20} counts 200, as the engine counts it.
  const groups = [1];
  let closed = 1;
  let inClass = false;
  for (let at = 0; at < source.length; ) {
    const rest = source.slice(at, at + 32);
    const character = source[at]!;
    const escaped = escaping.exec(rest);
    if (!inClass && backReference.test(rest)) return 'Rewrite the pattern without back-references (\\1, \\k<name>).';
    if (!inClass && lookAround.test(rest))
      return 'Rewrite the pattern without look-ahead and look-behind, (?=…) (?!…) (?<=…) (?<!…).';
    const counts = inClass ? null : repeat.exec(rest);
    if (counts) {
      const times = Math.max(Number(counts[1]), Number(counts[2]?.slice(1) || 0), 1);
      groups.push(Math.max(groups.pop()!, closed * times));
      if (groups.at(-1)! > maxRepeat)
        return `Repeat at most ${maxRepeat} times in a pattern, nested repeats multiplied.`;
    } else if (!inClass && character === '(') groups.push(1);
    else if (!inClass && character === ')') {
      closed = groups.pop()!;
      groups.push(Math.max(groups.pop() ?? 1, closed));
    } else {
      closed = 1;
      if (!escaped && character === (inClass ? ']' : '[')) inClass = !inClass;
    }
    at += escaped?.[0].length ?? counts?.[0].length ?? 1;
  }
  return undefined;
}
