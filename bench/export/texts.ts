import { readFileSync } from 'node:fs';

const lines = readFileSync(new URL('../../examples/support-request/training.jsonl', import.meta.url), 'utf8');
/** Every word as often as people have written it. */
const words = lines
  .trim()
  .split('\n')
  .flatMap((line) => (JSON.parse(line).text as string).split(' '));

let seed = 1;
/** The same each time, below `n`. */
export function pick(n: number): number {
  seed = (seed * 16807) % 2147483647;
  return seed % n;
}

/** Ten to forty words as frequent as in real texts, in no order: no two texts are alike, so a file cannot keep them as a list of sentences. */
export function text(): string {
  return Array.from({ length: 10 + pick(31) }, () => words[pick(words.length)]).join(' ');
}
