import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { AppError } from '#domain/errors.ts';
import type { Log } from '#ports/log.ts';
import { createRateLimits, networkOf } from './rate-limit.ts';

function world({ enabled = true, failing = false } = {}) {
  const hits = new Map<string, number>();
  const counted: Record<string, string>[] = [];
  const warnings: object[] = [];
  const log: Log = {
    debug() {},
    info() {},
    warn: (fields) => void warnings.push(fields),
    error() {},
    child: () => log,
  };
  const clock = { time: 1000, now: () => clock.time };
  const limits = createRateLimits({
    cache: {
      async hit(key, windowMs, now) {
        if (failing) throw new Error('cache away');
        hits.set(key, (hits.get(key) ?? 0) + 1);
        return { count: hits.get(key)!, resetAt: now + windowMs };
      },
    },
    clock,
    metrics: { count: (_name, labels) => void counted.push(labels) },
    log,
    enabled,
  });
  return { limits, hits, counted, warnings };
}

const limit = { name: 'login', max: 2, windowMs: 1500 };

test('the request after the last allowed one is refused with the seconds to wait, rounded up', async () => {
  const { limits, counted } = world();
  await limits.check(limit, 'a');
  await limits.check(limit, 'a');
  await limits.check(limit, 'b');
  await assert.rejects(limits.check(limit, 'a'), (error) => {
    assert.ok(error instanceof AppError);
    assert.deepEqual([error.code, error.retryAfterSeconds], ['rate-limited', 2]);
    return true;
  });
  assert.deepEqual(counted, [{ limit: 'login' }]);
});

test('when the cache fails requests pass and somebody is told', async () => {
  const { limits, warnings } = world({ failing: true });
  for (let i = 0; i < 5; i += 1) await limits.check(limit, 'a');
  assert.equal(warnings.length, 5);
});

test('switched off, nothing is counted', async () => {
  const { limits, hits } = world({ enabled: false });
  for (let i = 0; i < 5; i += 1) await limits.check(limit, 'a');
  assert.equal(hits.size, 0);
});

test('the hook refuses like the check, and leaves requests without a key uncounted', async () => {
  const { limits, hits } = world();
  const run = (key: string | undefined) =>
    new Promise<Error | undefined>((resolve) => {
      limits.limitPer({ ...limit, key: () => key })({} as FastifyRequest, {} as FastifyReply, resolve);
    });
  for (let i = 0; i < 5; i += 1) assert.equal(await run(undefined), undefined);
  assert.equal(hits.size, 0);
  assert.equal(await run('a'), undefined);
  assert.equal(await run('a'), undefined);
  assert.equal(((await run('a')) as AppError).code, 'rate-limited');
});

test('an IPv6 address counts as its /64, whatever its spelling; an IPv4 address as itself', () => {
  const same = [
    '2001:db8:1:2::1',
    '2001:db8:1:2:ffff:ffff:ffff:ffff',
    '2001:0db8:0001:0002::',
    '2001:db8:1:2::192.0.2.1',
  ];
  for (const address of same) assert.equal(networkOf(address), '2001:db8:1:2::/64', address);
  assert.equal(networkOf('2001:db8:1:3::1'), '2001:db8:1:3::/64');
  assert.equal(networkOf('::1'), '0:0:0:0::/64');
  assert.equal(networkOf('fe80::1%eth0'), 'fe80:0:0:0::/64');
  assert.equal(networkOf('2001:db8::5:0:0:0:1'), '2001:db8:0:5::/64');
  assert.equal(networkOf('192.0.2.1'), '192.0.2.1');
  assert.equal(networkOf('::ffff:192.0.2.1'), '192.0.2.1');
  assert.equal(networkOf(''), 'unknown');
  assert.equal(networkOf(undefined), 'unknown', 'the connection was reset before it was looked at');
  assert.equal(networkOf('a:b'), 'unknown');
});
