/** Nesting that canonical JSON follows at most: deeper values are an attack or a mistake, never a form. */
export const canonicalJsonMaxDepth = 64;

/** Thrown by {@link canonicalJson} for a value nested deeper than {@link canonicalJsonMaxDepth}. */
export class TooDeepError extends RangeError {
  constructor() {
    super(`the value is nested deeper than ${canonicalJsonMaxDepth} levels`);
    this.name = 'TooDeepError';
  }
}

/** JSON with sorted keys (by UTF-16 code unit, as RFC 8785 does) and no spaces: equal values give equal text.
 *  Members whose value is undefined are left out. Errors: TooDeepError; TypeError for what JSON cannot say (NaN, a function, a bigint). */
export function canonicalJson(value: unknown, maxDepth = canonicalJsonMaxDepth): string {
  return write(value, canonicalJsonMaxDepth - maxDepth);
}

function write(value: unknown, depth: number): string {
  if (depth > canonicalJsonMaxDepth) throw new TooDeepError();
  switch (typeof value) {
    case 'string':
    case 'boolean':
      return JSON.stringify(value);
    case 'number':
      if (!Number.isFinite(value)) throw new TypeError('canonical JSON has no NaN and no infinity');
      return JSON.stringify(value);
    case 'object':
      if (value === null) return 'null';
      if (Array.isArray(value)) return `[${value.map((item) => write(item, depth + 1)).join(',')}]`;
      return writeObject(value as Record<string, unknown>, depth);
    default:
      throw new TypeError(`canonical JSON has no ${typeof value}`);
  }
}

/** Every response passes here: joined as text, since a list of members to join took twice as long. */
function writeObject(value: Record<string, unknown>, depth: number): string {
  const keys = Object.keys(value);
  if (!isSorted(keys)) keys.sort();
  let text = '';
  for (const key of keys) {
    const member = value[key];
    if (member === undefined) continue;
    text += `${text === '' ? '' : ','}${plainKey.test(key) ? `"${key}"` : JSON.stringify(key)}:${write(member, depth + 1)}`;
  }
  return `{${text}}`;
}

/** Needs no escape. */
const plainKey = /^[\w-]+$/;

function isSorted(keys: string[]): boolean {
  for (let i = 1; i < keys.length; i += 1) if (keys[i - 1]! > keys[i]!) return false;
  return true;
}
