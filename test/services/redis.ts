import { Redis } from 'ioredis';
import { freePort } from '../support/free-port.ts';
import { type Service, startService } from './service.ts';

/** A fresh, empty Redis on loopback that keeps nothing. Errors: without `redis-server` in the PATH. */
export async function startRedis(): Promise<Service> {
  const port = await freePort();
  const url = `redis://127.0.0.1:${port}`;
  return startService({
    name: 'Redis',
    url,
    command: ['redis-server', '--bind', '127.0.0.1', '--port', String(port), '--save', '', '--appendonly', 'no'],
    async ready() {
      const redis = new Redis(url, { lazyConnect: true, retryStrategy: () => null });
      redis.on('error', () => {});
      await redis.connect();
      redis.disconnect();
    },
    ended: () => {},
  });
}
