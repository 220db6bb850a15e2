import type { Issue } from '#domain/errors.ts';
import { below } from './checks.ts';
import { limits } from './limits.ts';

/** What is wrong with a definition as a piece of JSON, before anything in it is understood: too large, too deep, or texts that cannot be kept.
 *  Walks without recursion, so that no nesting can exhaust the stack. */
export function sizeIssues(definition: unknown): Issue[] {
  const issues: Issue[] = [];
  const pending: { value: unknown; pointer: string; depth: number }[] = [{ value: definition, pointer: '', depth: 0 }];
  let bytes = 0;
  for (let next = pending.pop(); next; next = pending.pop()) {
    const { value, pointer, depth } = next;
    bytes += 8;
    if (bytes > limits.definitionBytes) {
      return [
        {
          pointer: '',
          code: 'too-large',
          detail: `Shorten the definition to at most ${limits.definitionBytes / 1024} kB.`,
        },
      ];
    }
    if (typeof value === 'string') {
      bytes += Buffer.byteLength(value);
      if (!isKeepable(value)) issues.push(unkeepable(pointer));
    } else if (typeof value === 'object' && value !== null) {
      if (depth >= limits.definitionDepth) {
        return [
          { pointer, code: 'too-deep', detail: `Nest the definition at most ${limits.definitionDepth} levels deep.` },
        ];
      }
      for (const [key, content] of Object.entries(value)) {
        bytes += key.length;
        if (!isKeepable(key)) issues.push(unkeepable(pointer));
        pending.push({ value: content, pointer: below(pointer, key), depth: depth + 1 });
      }
    }
  }
  return issues.slice(0, limits.issues);
}

/** Whether stores and hashes can keep the text as it is: no U+0000, no lone surrogates. */
export function isKeepable(text: string): boolean {
  return !text.includes('\u0000') && text.isWellFormed();
}

function unkeepable(pointer: string): Issue {
  return {
    pointer,
    code: 'invalid-character',
    detail: 'Remove the NUL character or the broken Unicode character (a lone surrogate).',
  };
}
