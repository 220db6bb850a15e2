import { createMemoryCache } from '../../src/adapters/cache-memory/cache.ts';
import { cacheContract } from './cache.ts';

cacheContract('cache-memory', async () => {
  let now = 1_790_000_000_000;
  const cache = createMemoryCache({ clock: { now: () => now } });
  return {
    cache,
    pass: async (ms) => {
      now += ms;
    },
  };
});
