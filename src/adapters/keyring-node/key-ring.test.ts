import assert from 'node:assert/strict';
import { createHmac, createPublicKey, hkdfSync, verify } from 'node:crypto';
import { test } from 'node:test';
import { createKeyRing } from './key-ring.ts';

const oldSecret = 'old-secret-old-secret-old-secret-1';
const newSecret = 'new-secret-new-secret-new-secret-2';
const ring = createKeyRing({ current: oldSecret });
const rotated = createKeyRing({ current: newSecret, previous: [oldSecret] });
const stranger = createKeyRing({ current: newSecret });
const text = (bytes: Uint8Array | undefined) => bytes && Buffer.from(bytes).toString();

test('a master secret of fewer than 32 characters is refused, as the current and as an earlier one', () => {
  assert.throws(() => createKeyRing({ current: 'x'.repeat(31) }), /at least 32/);
  assert.throws(() => createKeyRing({ current: oldSecret, previous: ['short'] }), /at least 32/);
});

test('every purpose has keys and key ids of its own, the same after every start', () => {
  const again = createKeyRing({ current: oldSecret });
  assert.deepEqual(ring.hmac('cursors', 'x'), again.hmac('cursors', 'x'));
  assert.deepEqual(ring.publicKey('receipts'), again.publicKey('receipts'));
  assert.notDeepEqual(ring.hmac('cursors', 'x'), ring.hmac('api-tokens', 'x'));
  assert.notDeepEqual(ring.publicKey('receipts')?.bytes, ring.publicKey('audit')?.bytes);
  assert.notEqual(ring.keyIds('receipts')[0], ring.keyIds('audit')[0]);
  assert.match(ring.keyIds('receipts')[0], /^[0-9a-f]{16}$/);
});

test('the derivation is HKDF-SHA256 with salt formstead and info v1/purpose/use: changing it would orphan stored values', () => {
  const key = Buffer.from(hkdfSync('sha256', oldSecret, 'formstead', 'v1/cursors/mac', 32));
  assert.deepEqual(Buffer.from(ring.hmac('cursors', 'x')), createHmac('sha256', key).update('x').digest());
  assert.equal(
    ring.keyIds('cursors')[0],
    Buffer.from(hkdfSync('sha256', oldSecret, 'formstead', 'v1/cursors/id', 8)).toString('hex'),
  );
});

test('an HMAC is verified for its data, purpose and key id only', () => {
  const [keyId] = ring.keyIds('cursors');
  const mac = ring.hmac('cursors', 'data');
  assert.equal(ring.verifyHmac('cursors', keyId, 'data', mac), true);
  assert.equal(ring.verifyHmac('cursors', keyId, 'date', mac), false);
  assert.equal(ring.verifyHmac('audit', keyId, 'data', mac), false);
  assert.equal(ring.verifyHmac('cursors', 'ffffffffffffffff', 'data', mac), false);
  assert.equal(ring.verifyHmac('cursors', keyId, 'data', mac.subarray(0, 31)), false);
  assert.equal(ring.verifyHmac('cursors', keyId, 'data', new Uint8Array()), false);
  assert.throws(() => ring.hmac('cursors', 'data', 'ffffffffffffffff'), /No key/);
});

test('a signature is verified for its data, purpose and key id only', () => {
  const { keyId, signature } = ring.sign('receipts', 'head');
  assert.equal(signature.length, 64);
  assert.equal(ring.verify('receipts', keyId, 'head', signature), true);
  assert.equal(ring.verify('receipts', keyId, new TextEncoder().encode('head'), signature), true);
  assert.equal(ring.verify('receipts', keyId, 'heaD', signature), false);
  assert.equal(ring.verify('audit', keyId, 'head', signature), false);
  assert.equal(ring.verify('receipts', 'ffffffffffffffff', 'head', signature), false);
  assert.equal(ring.verify('receipts', keyId, 'head', new Uint8Array(64)), false);
  assert.equal(ring.verify('receipts', keyId, 'head', new Uint8Array(3)), false);
});

test('whoever has the published 32 bytes can check a signature without us', () => {
  const { signature } = ring.sign('receipts', 'head');
  const { bytes } = ring.publicKey('receipts')!;
  assert.equal(bytes.length, 32);
  const key = createPublicKey({
    key: { kty: 'OKP', crv: 'Ed25519', x: Buffer.from(bytes).toString('base64url') },
    format: 'jwk',
  });
  assert.ok(verify(null, Buffer.from('head'), key, signature));
});

test('a sealed value opens again, and sealing twice gives two values', () => {
  for (const plaintext of ['', 'whsec_abc', 'ü'.repeat(1000)]) {
    const sealed = ring.seal('webhook-secrets', plaintext, 'whe_1');
    assert.match(sealed, /^v1\.[0-9a-f]{16}\.[A-Za-z0-9_-]+$/);
    assert.equal(text(ring.open('webhook-secrets', sealed, 'whe_1')), plaintext);
    assert.notEqual(ring.seal('webhook-secrets', plaintext, 'whe_1'), sealed);
  }
});

test('a sealed value does not open in another row, for another purpose, by another secret, or with any bit changed', () => {
  const sealed = ring.seal('webhook-secrets', 'whsec_abc', 'whe_1');
  assert.equal(ring.open('webhook-secrets', sealed, 'whe_2'), undefined);
  assert.equal(ring.open('webhook-secrets', sealed), undefined);
  assert.equal(ring.open('audit', sealed, 'whe_1'), undefined);
  assert.equal(stranger.open('webhook-secrets', sealed, 'whe_1'), undefined);
  const [version, keyId, body] = sealed.split('.');
  const bytes = Buffer.from(body!, 'base64url');
  for (let bit = 0; bit < bytes.length * 8; bit++) {
    const changed = Buffer.from(bytes);
    changed[bit >> 3]! ^= 1 << (bit & 7);
    assert.equal(
      ring.open('webhook-secrets', `${version}.${keyId}.${changed.toString('base64url')}`, 'whe_1'),
      undefined,
    );
  }
});

for (const garbage of [
  '',
  '.',
  '..',
  'v1',
  'v1..',
  'v1.x.y',
  'v2.0000000000000000.AAAA',
  `v1.${ring.keyIds('webhook-secrets')[0]}.AAAA`,
  `${ring.seal('webhook-secrets', 'x')}.z`,
  '🔑.🔑.🔑',
]) {
  test(`opening ${JSON.stringify(garbage.slice(0, 30))} gives nothing and does not throw`, () => {
    assert.equal(ring.open('webhook-secrets', garbage), undefined);
  });
}

test('a pseudonym is the same for the same text, differs by purpose and secret, and does not contain the text', () => {
  const pseudonym = ring.pseudonym('subjects', 'berta@example.org');
  assert.match(pseudonym, /^[A-Za-z0-9_-]{27}$/);
  assert.equal(ring.pseudonym('subjects', 'berta@example.org'), pseudonym);
  assert.notEqual(ring.pseudonym('subjects', 'berta@example.com'), pseudonym);
  assert.notEqual(ring.pseudonym('audit', 'berta@example.org'), pseudonym);
  assert.notEqual(stranger.pseudonym('subjects', 'berta@example.org'), pseudonym);
});

test('after a rotation new things are made by the new secret and old ones still hold', () => {
  const sealed = ring.seal('webhook-secrets', 'whsec_abc');
  const { keyId, signature } = ring.sign('receipts', 'head');
  assert.deepEqual(rotated.keyIds('receipts'), [stranger.keyIds('receipts')[0], ring.keyIds('receipts')[0]]);
  assert.equal(text(rotated.open('webhook-secrets', sealed)), 'whsec_abc');
  assert.equal(rotated.verify('receipts', keyId, 'head', signature), true);
  assert.equal(rotated.verifyHmac('cursors', ring.keyIds('cursors')[0], 'x', ring.hmac('cursors', 'x')), true);
  assert.equal(rotated.pseudonym('subjects', 'b', ring.keyIds('subjects')[0]), ring.pseudonym('subjects', 'b'));
  assert.deepEqual(rotated.publicKey('receipts', keyId), ring.publicKey('receipts'));

  assert.deepEqual(rotated.sign('receipts', 'head'), stranger.sign('receipts', 'head'));
  assert.equal(text(stranger.open('webhook-secrets', rotated.seal('webhook-secrets', 'new'))), 'new');
});

test('once the old secret has left the ring nothing of it holds any more', () => {
  const { keyId, signature } = ring.sign('receipts', 'head');
  assert.equal(stranger.verify('receipts', keyId, 'head', signature), false);
  assert.equal(stranger.publicKey('receipts', keyId), undefined);
  assert.equal(stranger.symmetricKey('access-tokens', ring.keyIds('access-tokens')[0]), undefined);
});

test('an earlier secret equal to the current one is one secret', () => {
  assert.equal(createKeyRing({ current: oldSecret, previous: [oldSecret] }).keyIds('audit').length, 1);
});
