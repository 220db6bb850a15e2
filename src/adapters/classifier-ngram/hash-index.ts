/** Open-addressing table from non-zero 32-bit hashes to 0, 1, 2 … in order of arrival. */
export type HashIndex = {
  /** Number of the hash, added when it is new. */
  add: (hash: number) => number;
  /** Number of the hash, or -1. */
  find: (hash: number) => number;
  size: () => number;
  /** The hashes by number. */
  hashes: () => Int32Array;
};

export function createHashIndex(expected = 1_024): HashIndex {
  let capacity = 1_024;
  while (capacity < expected * 2) capacity *= 2;
  let keys = new Int32Array(capacity);
  let numbers = new Int32Array(capacity);
  let mask = capacity - 1;
  let count = 0;

  function slot(hash: number): number {
    let at = hash & mask;
    while (keys[at] !== 0 && keys[at] !== hash) at = (at + 1) & mask;
    return at;
  }

  function grow(): void {
    const oldKeys = keys;
    const oldNumbers = numbers;
    capacity *= 2;
    mask = capacity - 1;
    keys = new Int32Array(capacity);
    numbers = new Int32Array(capacity);
    for (let i = 0; i < oldKeys.length; i++) {
      const key = oldKeys[i]!;
      if (key === 0) continue;
      const at = slot(key);
      keys[at] = key;
      numbers[at] = oldNumbers[i]!;
    }
  }

  return {
    add(hash) {
      let at = slot(hash);
      if (keys[at] === hash) return numbers[at]!;
      if (count * 2 >= capacity) {
        grow();
        at = slot(hash);
      }
      keys[at] = hash;
      numbers[at] = count;
      return count++;
    },
    find(hash) {
      const at = slot(hash);
      return keys[at] === hash ? numbers[at]! : -1;
    },
    size: () => count,
    hashes() {
      const result = new Int32Array(count);
      for (let i = 0; i < capacity; i++) if (keys[i] !== 0) result[numbers[i]!] = keys[i]!;
      return result;
    },
  };
}
