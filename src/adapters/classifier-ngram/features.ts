import { tokenise } from './normalise.ts';

/** Views of a text: 0 words, 1 neighbouring pairs, 2 characters inside a word, 3 characters across words. */
export const viewCount = 4;

/** Longest character n-gram. */
const maxInside = 5;
const maxAcross = 6;

const prime = 16_777_619;
const basis = 2_166_136_261;

/** Spreads the last bits of an FNV state, with the view and order in it, so that tables may use the low bits. Never 0: that marks an empty slot. */
function finish(state: number, salt: number): number {
  let mixed = Math.imul(state ^ salt, 0x85ebca6b);
  mixed ^= mixed >>> 13;
  mixed = Math.imul(mixed, 0xc2b2ae35);
  mixed ^= mixed >>> 16;
  return mixed === 0 ? 1 : mixed;
}

/**
 * Calls `emit` for every feature occurrence of a text with its 32-bit hash and the index of its view.
 * Words and neighbouring pairs; character 1…5-grams inside a word with its edges; character n-grams of up to 6 across the gap between words.
 */
export function eachFeature(text: string, emit: (hash: number, view: number) => void): void {
  const tokens = tokenise(text);
  let previous = 0x5bd1e995;
  for (const token of tokens) {
    let state = basis;
    for (let i = 0; i < token.length; i++) state = Math.imul(state ^ token.charCodeAt(i), prime);
    emit(finish(state, 1), 0);
    emit(finish(Math.imul(previous, 31) ^ state, 2), 1);
    previous = state;
  }
  emit(finish(Math.imul(previous, 31) ^ basis, 2), 1);
  // The edges of the text are marked, so that what it begins and ends with can be told; all digits are one, so that numbers look alike.
  characterGrams(`\u0002 ${tokens.join(' ').replace(/\p{N}/gu, '0')} \u0003`, emit);
}

function characterGrams(line: string, emit: (hash: number, view: number) => void): void {
  const end = line.length;
  for (let start = 0; start < end; start++) {
    let state = basis;
    let gap = false;
    for (let at = start; at < end && at - start < maxAcross; at++) {
      const code = line.charCodeAt(at);
      state = Math.imul(state ^ code, prime);
      const size = at - start + 1;
      if (!gap) {
        if (size <= maxInside && !(size === 1 && code === 32)) emit(finish(state, 3), 2);
      } else emit(finish(state, 3), 3);
      // A space that is neither the first nor the last character lies inside: from the next character on the n-gram spans two words.
      if (code === 32 && at > start) gap = true;
    }
  }
}
