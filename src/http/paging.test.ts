import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { test } from 'node:test';
import { AppError } from '#domain/errors.ts';
import type { KeyInput, KeyRing } from '#ports/key-ring.ts';
import { createPaging } from './paging.ts';

/** A ring of the given secrets, the current one first. */
function ring(...secrets: [string, ...string[]]): Pick<KeyRing, 'hmac' | 'verifyHmac' | 'keyIds'> {
  const mac = (keyId: string, data: KeyInput) => new Uint8Array(createHmac('sha256', keyId).update(data).digest());
  return {
    keyIds: () => secrets,
    hmac: (_purpose, data, keyId = secrets[0]) => mac(keyId, data),
    verifyHmac: (_purpose, keyId, data, given) => Buffer.from(mac(keyId, data)).equals(given),
  };
}

const isBadCursor = (error: unknown) => error instanceof AppError && error.code === 'bad-cursor';

test('the cursor of a page leads to the next one, and the last page has none', () => {
  const paging = createPaging({ keyRing: ring('k') });
  const { items, next_cursor: cursor } = paging.body(['a'], 'frm_ä/1', 'forms');
  assert.deepEqual(items, ['a']);
  assert.deepEqual(paging.read({ limit: 7, cursor: cursor! }, 'forms'), { limit: 7, after: 'frm_ä/1' });
  assert.equal(paging.body([], undefined, 'forms').next_cursor, null);
  assert.deepEqual(paging.read({ limit: 7 }, 'forms'), { limit: 7, after: undefined });
});

test('a cursor is good for its own list only', () => {
  const paging = createPaging({ keyRing: ring('k') });
  const cursor = paging.body([], 'x', 'responses of frm_1')!.next_cursor!;
  assert.throws(() => paging.read({ limit: 1, cursor }, 'responses of frm_2'), isBadCursor);
});

test('a cursor that we did not make is refused', () => {
  const paging = createPaging({ keyRing: ring('k') });
  const cursor = paging.body([], 'x', 'forms').next_cursor!;
  const [mark, mac] = cursor.split('.');
  const other = Buffer.from('y').toString('base64url');
  for (const bad of [
    '',
    'x',
    `${mark}.`,
    `${other}.${mac}`,
    `${mark}.${'A'.repeat(43)}`,
    `${cursor}A`,
    ` ${cursor}`,
    `${mark}.${mac}.${mac}`,
  ]) {
    assert.throws(() => paging.read({ limit: 1, cursor: bad }, 'forms'), isBadCursor, bad);
  }
});

test('a cursor outlives the rotation of the secret, and dies with it', () => {
  const cursor = createPaging({ keyRing: ring('old') }).body([], 'x', 'forms').next_cursor!;
  assert.equal(createPaging({ keyRing: ring('new', 'old') }).read({ limit: 1, cursor }, 'forms').after, 'x');
  assert.throws(() => createPaging({ keyRing: ring('new') }).read({ limit: 1, cursor }, 'forms'), isBadCursor);
});
