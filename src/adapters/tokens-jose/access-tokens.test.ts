import assert from 'node:assert/strict';
import { createHmac, createSign, generateKeyPairSync } from 'node:crypto';
import { test } from 'node:test';
import type { KeyPurpose, KeyRing } from '#ports/key-ring.ts';
import { createAccessTokens } from './access-tokens.ts';

const start = Date.UTC(2026, 10, 5, 12, 0, 0, 500);
const subject = { userId: 'usr_1', sessionId: 'ses_1', role: 'analyst' } as const;

function keyRing(...seeds: [number, ...number[]]): Pick<KeyRing, 'keyIds' | 'symmetricKey'> {
  const keys = seeds.map((seed) => ({ keyId: `key-${seed}`, bytes: new Uint8Array(32).fill(seed) }));
  return {
    keyIds: (_: KeyPurpose) => keys.map((key) => key.keyId) as [string, ...string[]],
    symmetricKey: (_: KeyPurpose, keyId?: string) => keys.find((key) => keyId === undefined || key.keyId === keyId),
  };
}

function tokensAt(clock = { time: start }, ring = keyRing(1)) {
  return createAccessTokens({ keyRing: ring, clock: { now: () => clock.time }, lifeSeconds: 3600 });
}

const encode = (value: unknown) =>
  Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url');

/** A token made by hand, signed with the right key unless told otherwise. */
function forge(
  header: unknown,
  payload: unknown,
  key: Uint8Array = new Uint8Array(32).fill(1),
  hash = 'sha256',
): string {
  const signed = `${encode(header)}.${encode(payload)}`;
  return `${signed}.${createHmac(hash, key).update(signed).digest('base64url')}`;
}

const seconds = Math.floor(start / 1000);
const header = { alg: 'HS256', typ: 'at+jwt', kid: 'key-1' };
const claims = {
  sub: 'usr_1',
  sid: 'ses_1',
  role: 'analyst',
  iss: 'formstead',
  aud: 'formstead-api',
  iat: seconds,
  exp: seconds + 3600,
};

test('a token carries user, session, role and its times', async () => {
  const tokens = tokensAt();
  const { token, expiresInSeconds } = await tokens.issue(subject);
  assert.equal(expiresInSeconds, 3600);
  assert.deepEqual(await tokens.verify(token), {
    ...subject,
    issuedAt: seconds * 1000,
    expiresAt: (seconds + 3600) * 1000,
  });
});

test('a token made by hand with the right key is accepted, so that the forgeries below fail for their own reason', async () => {
  assert.equal((await tokensAt().verify(forge(header, claims)))?.userId, 'usr_1');
});

test('a token ends with the second it expires', async () => {
  const clock = { time: start };
  const tokens = tokensAt(clock);
  const { token } = await tokens.issue(subject);
  clock.time = (seconds + 3600) * 1000 - 1;
  assert.ok(await tokens.verify(token));
  clock.time = (seconds + 3600) * 1000;
  assert.equal(await tokens.verify(token), undefined);
});

const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
function rs256(): string {
  const signed = `${encode({ ...header, alg: 'RS256' })}.${encode(claims)}`;
  return `${signed}.${createSign('sha256').update(signed).sign(privateKey, 'base64url')}`;
}

for (const [why, token] of [
  ['is signed by another key', forge(header, claims, new Uint8Array(32).fill(2))],
  ['says alg none and has no signature', `${encode({ ...header, alg: 'none' })}.${encode(claims)}.`],
  ['says alg none and keeps a signature', forge({ ...header, alg: 'none' }, claims)],
  ['says alg None', `${encode({ ...header, alg: 'None' })}.${encode(claims)}.`],
  ['uses HS512 with the right key', forge({ ...header, alg: 'HS512' }, claims, undefined, 'sha512')],
  ['uses RS256', rs256()],
  ['has an unknown kid', forge({ ...header, kid: 'key-9' }, claims)],
  ['has no kid', forge({ alg: 'HS256', typ: 'at+jwt' }, claims)],
  ['has a kid that is an object', forge({ ...header, kid: { a: 1 } }, claims)],
  ['has a kid out of a prototype', forge({ ...header, kid: '__proto__' }, claims)],
  ['is a JWT of another type', forge({ ...header, typ: 'JWT' }, claims)],
  ['brings a key of its own', forge({ ...header, kid: 'x', jwk: { kty: 'oct', k: encode('k') } }, claims)],
  ['has a critical header we do not know', forge({ ...header, crit: ['exp2'], exp2: 1 }, claims)],
  ['is from another issuer', forge(header, { ...claims, iss: 'other' })],
  ['is for another audience', forge(header, { ...claims, aud: 'other' })],
  ['has no expiry', forge(header, { ...claims, exp: undefined })],
  ['has a text as expiry', forge(header, { ...claims, exp: '9999999999' })],
  ['lives longer than 24 hours', forge(header, { ...claims, exp: seconds + 24 * 3600 + 1 })],
  ['has no session', forge(header, { ...claims, sid: undefined })],
  ['has no user', forge(header, { ...claims, sub: undefined })],
  ['has a number as user', forge(header, { ...claims, sub: 1 })],
  ['has a role that does not exist', forge(header, { ...claims, role: 'root' })],
  ['is not valid before later', forge(header, { ...claims, nbf: seconds + 60 })],
  ['has a list as payload', forge(header, [1])],
  ['has text as payload', forge(header, 'hello')],
  ['has text as header', forge('hello', claims)],
  ['is empty', ''],
  ['is a word', 'Bearer'],
  ['is two dots', '..'],
  ['has four parts', `${forge(header, claims)}.x`],
  ['is encrypted (five parts)', 'a.b.c.d.e'],
  ['has a signature cut short', forge(header, claims).slice(0, -2)],
  ['has white space behind it', `${forge(header, claims)} `],
  ['is not ASCII', '🔑.🔑.🔑'],
  ['has a lone surrogate', `${forge(header, claims)}\ud800`],
  ['is 100 kB long', `${'A'.repeat(100_000)}.A.A`],
] as const) {
  test(`a token that ${why} is nobody's, and nothing is thrown`, async () => {
    assert.equal(await tokensAt().verify(token), undefined);
  });
}

test('a token with any one character changed is refused or means the same', async () => {
  const tokens = tokensAt();
  const { token } = await tokens.issue(subject);
  const before = await tokens.verify(token);
  for (let i = 0; i < token.length; i++) {
    for (const other of ['A', '-', '.', ' ']) {
      if (token[i] === other) continue;
      const seen = await tokens.verify(token.slice(0, i) + other + token.slice(i + 1));
      // The last character of a 32-byte signature carries two spare bits: another letter may stand for the same bytes.
      if (seen !== undefined)
        assert.ok(i === token.length - 1 && JSON.stringify(seen) === JSON.stringify(before), `position ${i}, ${other}`);
    }
  }
});

test('after a rotation tokens of the earlier secret are still good, new ones are of the new secret', async () => {
  const { token } = await tokensAt().issue(subject);
  const rotated = tokensAt(undefined, keyRing(2, 1));
  assert.ok(await rotated.verify(token));
  const fresh = await rotated.issue(subject);
  assert.ok(await tokensAt(undefined, keyRing(2)).verify(fresh.token));
  assert.equal(await tokensAt().verify(fresh.token), undefined);
});

for (const lifeSeconds of [0, -1, 1.5, 24 * 3600 + 1, Number.NaN]) {
  test(`a life of ${lifeSeconds} seconds is refused at start`, () => {
    assert.throws(() => createAccessTokens({ keyRing: keyRing(1), clock: { now: () => 0 }, lifeSeconds }), RangeError);
  });
}
