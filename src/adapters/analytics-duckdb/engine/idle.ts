/** As many as questions run at once, and of no more than the newest second or two. */
const mostIdle = 2;
const idleMs = 2000;

/**
 * What one question has left and the next one with the same key can use, for a moment: 13 questions of a dashboard are about the same second, and to open an
 * instance and to make its tables visible took 17 ms of the 40 that each of them cost.
 */
export function createIdle<T>(end: (left: T) => void) {
  let idle: { key: string; left: T }[] = [];
  let timer: NodeJS.Timeout | undefined;

  function clear(): void {
    for (const { left } of idle.splice(0)) end(left);
  }

  return {
    /** The newest of this key, now the caller's own. */
    take(key: string): T | undefined {
      const found = idle.findLast((one) => one.key === key);
      idle = idle.filter((one) => one !== found);
      return found?.left;
    },
    keep(key: string, left: T): void {
      idle.push({ key, left });
      if (idle.length > mostIdle) end(idle.shift()!.left);
      clearTimeout(timer);
      timer = setTimeout(clear, idleMs);
      timer.unref();
    },
  };
}
