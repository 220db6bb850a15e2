/** A binary heap: the item that `before` puts first comes out first. */
export type Heap<T> = { size(): number; push(item: T): void; pop(): T | undefined; clear(): void };

export function createHeap<T>(before: (a: T, b: T) => boolean): Heap<T> {
  const items: T[] = [];

  function swap(i: number, j: number): void {
    const item = items[i]!;
    items[i] = items[j]!;
    items[j] = item;
  }

  function up(start: number): void {
    let child = start;
    while (child > 0) {
      const parent = (child - 1) >> 1;
      if (!before(items[child]!, items[parent]!)) return;
      swap(child, parent);
      child = parent;
    }
  }

  function down(): void {
    let parent = 0;
    for (;;) {
      const left = 2 * parent + 1;
      if (left >= items.length) return;
      const right = left + 1;
      const child = right < items.length && before(items[right]!, items[left]!) ? right : left;
      if (!before(items[child]!, items[parent]!)) return;
      swap(child, parent);
      parent = child;
    }
  }

  return {
    size: () => items.length,
    push(item) {
      items.push(item);
      up(items.length - 1);
    },
    pop() {
      const first = items[0];
      const last = items.pop();
      if (items.length > 0) {
        items[0] = last!;
        down();
      }
      return first;
    },
    clear() {
      items.length = 0;
    },
  };
}
