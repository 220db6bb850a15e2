import type { Cache } from '#ports/cache.ts';
import type { Clock } from '#ports/clock.ts';

export type CacheLimits = {
  /** Values kept. */
  entries: number;
  /** Keys and values together, two bytes a UTF-16 unit. */
  bytes: number;
  /** Windows counted at once by `hit`. */
  counters: number;
};

const defaults: CacheLimits = { entries: 10_000, bytes: 32 * 1024 * 1024, counters: 100_000 };

type Entry = { value: string; bytes: number; expiresAt: number };

/** A cache in this process: the least recently used values go first; of the windows, those that began first. */
export function createMemoryCache(deps: { clock: Clock; limits?: Partial<CacheLimits> }): Cache {
  const limits = { ...defaults, ...deps.limits };
  // A Map keeps the order of insertion: what is used is put in again, so the first key is the one to go.
  const entries = new Map<string, Entry>();
  let bytes = 0;
  const windows = new Map<string, { count: number; startedAt: number; resetAt: number }>();

  function drop(key: string): void {
    bytes -= entries.get(key)?.bytes ?? 0;
    entries.delete(key);
  }

  return {
    async get(key) {
      const entry = entries.get(key);
      if (entry === undefined) return undefined;
      if (entry.expiresAt <= deps.clock.now()) {
        drop(key);
        return undefined;
      }
      entries.delete(key);
      entries.set(key, entry);
      return entry.value;
    },

    async set(key, value, ttlMs) {
      drop(key);
      const entry = { value, bytes: 2 * (key.length + value.length), expiresAt: deps.clock.now() + ttlMs };
      if (ttlMs <= 0 || entry.bytes > limits.bytes) return;
      entries.set(key, entry);
      bytes += entry.bytes;
      while (entries.size > limits.entries || bytes > limits.bytes) drop(entries.keys().next().value!);
    },

    async delete(key) {
      drop(key);
    },

    async hit(key, windowMs, now) {
      const window = windows.get(key);
      // A clock that stepped back before the window began would keep it open for too long: it starts anew.
      if (window !== undefined && now < window.resetAt && now >= window.startedAt) {
        window.count += 1;
        return { count: window.count, resetAt: window.resetAt };
      }
      const fresh = { count: 1, startedAt: now, resetAt: now + windowMs };
      windows.delete(key);
      windows.set(key, fresh);
      if (windows.size > limits.counters) windows.delete(windows.keys().next().value!);
      return { count: 1, resetAt: fresh.resetAt };
    },
  };
}
