import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createLog, type LogLevel } from './log.ts';

function scriptedLog(level: LogLevel = 'debug', bindings?: Record<string, unknown>) {
  const written: string[] = [];
  const log = createLog({
    level,
    clock: { now: () => Date.UTC(2026, 10, 5, 12, 30, 0, 7) },
    destination: { write: (line) => void written.push(line) },
    ...(bindings ? { bindings } : {}),
  });
  return { log, written, lines: () => written.map((line) => JSON.parse(line) as Record<string, unknown>) };
}

test('a line is one JSON object with level, RFC 3339 time, fields and phrase', () => {
  const { log, written } = scriptedLog('info', { role: 'api' });
  log.warn({ deliveryId: 'dlv_1', attempt: 2 }, 'webhook attempt failed, retry scheduled');
  assert.deepEqual(written, [
    '{"level":"warn","time":"2026-11-05T12:30:00.007Z","role":"api","deliveryId":"dlv_1","attempt":2,' +
      '"msg":"webhook attempt failed, retry scheduled"}\n',
  ]);
});

test('lines below the level are not written', () => {
  const { log, lines } = scriptedLog('warn');
  log.debug({}, 'a');
  log.info({}, 'b');
  log.warn({}, 'c');
  log.error({}, 'd');
  assert.deepEqual(
    lines().map((line) => line.msg),
    ['c', 'd'],
  );
});

test('a child carries its bindings and those of its parent', () => {
  const { log, lines } = scriptedLog();
  log.child({ part: 'relay' }).child({ queue: 'default' }).info({ count: 3 }, 'relayed');
  assert.equal(lines()[0]?.part, 'relay');
  assert.equal(lines()[0]?.queue, 'default');
  assert.equal(lines()[0]?.count, 3);
});

for (const name of [
  'authorization',
  'Authorization',
  'Set-Cookie',
  'cookie',
  'password',
  'secret',
  'secretKey',
  'token',
  'access_token',
  'answers',
  'body',
]) {
  test(`what stands under ${name} is never written, at no depth, not in a child, not on an error`, () => {
    const { log, written } = scriptedLog();
    const value = { inner: 'MARK' };
    log.error({ [name]: value }, 'top');
    log.error({ req: { headers: { [name]: 'MARK' } } }, 'nested');
    log.error({ list: [[{ deep: { [name]: ['MARK'] } }]] }, 'in lists');
    log.error({ err: Object.assign(new Error('failed'), { [name]: 'MARK' }) }, 'error field');
    log.child({ [name]: 'MARK' }).info({}, 'child');
    assert.equal(written.length, 5);
    for (const line of written) {
      assert.ok(!line.includes('MARK'), line);
      assert.ok(line.includes('[redacted]'), line);
    }
  });
}

test('an error keeps its type, message, stack, cause and code', () => {
  const { log, lines } = scriptedLog();
  log.error({ err: Object.assign(new TypeError('outer', { cause: new Error('inner') }), { code: 'EX' }) }, 'failed');
  const err = lines()[0]?.err as Record<string, string>;
  assert.equal(err.type, 'TypeError');
  assert.equal(err.code, 'EX');
  assert.match(err.stack ?? '', /TypeError: outer[\s\S]*caused by: Error: inner/);
});

test('odd values do not break a line', () => {
  const { log, lines } = scriptedLog();
  const circle: Record<string, unknown> = { name: 'circle' };
  circle.self = circle;
  log.info({ circle, big: 10n, bytes: new Uint8Array(5), when: new Date(0), none: undefined, call: () => 1 }, 'odd');
  const line = lines()[0];
  assert.equal(line?.bytes, '[5 bytes]');
  assert.equal(line?.when, '1970-01-01T00:00:00.000Z');
  assert.equal(line?.msg, 'odd');
  assert.ok(JSON.stringify(line).length < 1000);
});

test('a phrase or field with a line break stays on one line', () => {
  const { log, written } = scriptedLog();
  log.info({ note: 'a\nb' }, 'first\n{"level":"error"}');
  assert.equal(written[0]?.split('\n').length, 2);
});
