import type { FieldMark } from '#domain/field-example.ts';
import type { Token } from './tokens.ts';

/** What the model sees of one token: `word` is the hash of its lower-case form, `all` those of everything else, `rare` what is added for an unknown word. */
export type TokenFeatures = { word: number; all: number[]; rare: number[] };

const numberWords: ReadonlySet<string> = new Set(
  (
    'zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen twenty thirty forty ' +
    'fifty sixty seventy eighty ninety hundred thousand dozen couple half quarter first second third fourth fifth ' +
    'eins zwei drei vier sechs sieben acht neun zehn elf zwoelf hundert tausend ' +
    'deux trois quatre cinq sept huit neuf dix onze douze vingt cent mille ' +
    'dos tres cuatro cinco seis siete ocho nueve diez once doce veinte'
  ).split(' '),
);

/** FNV-1a over UTF-16 code units. */
function hash(text: string, seed = 0x811c9dc5): number {
  let value = seed;
  for (let i = 0; i < text.length; i++) value = Math.imul(value ^ text.charCodeAt(i), 0x01000193);
  return value | 0;
}

/** One hash of several: which kind of feature it is, then its parts in order. */
function mix(kind: number, first: number, second = 0, third = 0): number {
  let value = Math.imul(kind + 1, 0x9e3779b1);
  for (const part of [first, second, third]) {
    value = Math.imul(value ^ part, 0x85ebca6b);
    value ^= value >>> 15;
  }
  return value | 0;
}

/** "Xx" of a name, "X" of capitals, "dd" of two digits, the sign itself of any other. */
function shapeOf(text: string): string {
  if (/^\p{N}/u.test(text)) return 'd'.repeat(Math.min(text.length, 5));
  if (!/^\p{L}/u.test(text)) return text;
  if (text === text.toLowerCase()) return 'x';
  if (text === text.toUpperCase()) return text.length === 1 ? 'X' : 'XX';
  return /^\p{Lu}/u.test(text) ? 'Xx' : 'xX';
}

/** Hours, minutes and days differ from counts by how large they are. */
function sizeOf(text: string): number {
  const value = /^\d{1,4}$/.test(text) ? Number(text) : -1;
  const limits = [-1, 0, 4, 12, 24, 31, 59, 1899, 2099];
  const size = limits.findIndex((limit) => value <= limit);
  return size === -1 ? limits.length : size;
}

type Seen = {
  lower: number;
  exact: number;
  shape: number;
  size: number;
  glued: boolean;
  prefixes: number[];
  suffixes: number[];
};

function look({ text, start }: Token, previousEnd: number): Seen {
  const lower = text.toLowerCase();
  return {
    lower: hash(lower),
    exact: hash(text),
    shape: hash(numberWords.has(lower) ? 'number' : shapeOf(text)),
    size: sizeOf(text),
    glued: start === previousEnd,
    prefixes: [1, 2, 3].map((length) => hash(lower.slice(0, length))),
    suffixes: [1, 2, 3].map((length) => hash(lower.slice(-length))),
  };
}

const outside: Seen = { lower: 1, exact: 1, shape: 1, size: 0, glued: false, prefixes: [], suffixes: [] };

/** By token, the hash of what the rules say of it. 0: nothing. */
function hintHashes(tokens: readonly Token[], hints: readonly FieldMark[]): Int32Array {
  const hashes = new Int32Array(tokens.length);
  for (const { name, start, end } of hints) {
    let inside = 0;
    for (const [i, token] of tokens.entries()) {
      if (token.start >= end || token.end <= start) continue;
      hashes[i] = hash(name, inside);
      inside = 1;
    }
  }
  return hashes;
}

/** Deterministic, and part of the format of a tagger: one that was trained on other features is of no use. */
export function featuresOf(tokens: readonly Token[], hints: readonly FieldMark[] = []): TokenFeatures[] {
  const seen = tokens.map((token, i) => look(token, i === 0 ? -1 : tokens[i - 1]!.end));
  const hinted = hintHashes(tokens, hints);
  const at = (i: number) => seen[i] ?? outside;
  return seen.map((here, i) => {
    const [b2, b1, n1, n2] = [at(i - 2), at(i - 1), at(i + 1), at(i + 2)];
    const all = [
      mix(0, 0),
      mix(1, here.exact),
      mix(2, here.shape),
      mix(3, here.size, here.glued ? 1 : 0),
      mix(4, b1.lower),
      mix(5, n1.lower),
      mix(6, b2.lower),
      mix(7, n2.lower),
      mix(8, b1.shape),
      mix(9, n1.shape),
      mix(10, b2.shape),
      mix(11, n2.shape),
      mix(12, b1.lower, here.lower),
      mix(13, here.lower, n1.lower),
      mix(14, b1.shape, here.shape),
      mix(15, here.shape, n1.shape),
      mix(16, b1.shape, here.shape, n1.shape),
      mix(17, b2.lower, b1.lower),
      mix(18, n1.lower, n2.lower),
      mix(19, b1.lower, here.size, here.shape),
      mix(20, n1.lower, here.size, here.shape),
      mix(21, i === 0 ? 1 : 0, i === seen.length - 1 ? 1 : 0),
      mix(22, i === 0 ? here.shape : 0, Math.min(seen.length, 4)),
      mix(23, here.glued ? 1 : 0, n1.glued ? 1 : 0, here.shape),
      mix(24, b2.lower, b1.shape, here.shape),
      mix(25, n2.lower, n1.shape, here.shape),
    ];
    for (const [length, prefix] of here.prefixes.entries()) all.push(mix(30 + length, prefix));
    for (const [length, suffix] of here.suffixes.entries()) all.push(mix(35 + length, suffix));
    const hint = hinted[i]!;
    if (hint !== 0)
      all.push(mix(40, hint), mix(41, hint, here.shape), mix(42, hint, b1.lower), mix(43, hint, n1.lower));
    const [hintBefore, hintBehind] = [hinted[i - 1] ?? 0, hinted[i + 1] ?? 0];
    if (hintBefore !== 0) all.push(mix(44, hintBefore, hint), mix(45, hintBefore, here.lower));
    if (hintBehind !== 0) all.push(mix(46, hintBehind, hint), mix(47, hintBehind, here.lower));
    const rare = [
      mix(50, here.shape),
      mix(51, b1.lower),
      mix(52, b1.shape, here.shape),
      mix(53, here.shape, n1.shape),
      mix(54, Math.min(seen.length, 4), i),
    ];
    return { word: mix(60, here.lower), all, rare };
  });
}
