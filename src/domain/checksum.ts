import { sha256Hex } from './hash.ts';

export type Tally = { count: number; checksum: string };

/**
 * Counts texts and sums their SHA-256 modulo 2^256: equal for the same texts in any order, so that two stores can be compared without sorting either. It
 * finds mistakes; it is no proof against somebody who chooses the texts.
 */
export function createTally() {
  let count = 0;
  let sum = 0n;
  return {
    add(text: string): void {
      count += 1;
      sum = (sum + BigInt(`0x${sha256Hex(text)}`)) & mask;
    },
    /** `checksum`: 64 hex digits. */
    result: (): Tally => ({ count, checksum: sum.toString(16).padStart(64, '0') }),
  };
}

const mask = (1n << 256n) - 1n;

export const sameTally = (a: Tally, b: Tally): boolean => a.count === b.count && a.checksum === b.checksum;
