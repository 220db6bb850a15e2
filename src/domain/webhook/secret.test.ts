import assert from 'node:assert/strict';
import { test } from 'node:test';
import { maskedSecret, newSecret, parseSecret } from './secret.ts';

const bytes = (count: number, fill = 7) => new Uint8Array(count).fill(fill);

test('a secret is whsec_ and the base64 of its bytes, and gives them back', () => {
  for (const count of [24, 32, 64]) {
    const secret = newSecret(bytes(count));
    assert.match(secret, /^whsec_[A-Za-z0-9+/]+=*$/);
    assert.deepEqual([...(parseSecret(secret) ?? [])], [...bytes(count)]);
  }
});

test('fewer than 24 or more than 64 bytes make no secret', () => {
  assert.throws(() => newSecret(bytes(23)), RangeError);
  assert.throws(() => newSecret(bytes(65)), RangeError);
});

test('what is not a secret in its canonical spelling is not parsed', () => {
  const good = newSecret(bytes(25, 0xff));
  const wrong = {
    'no prefix': good.slice('whsec_'.length),
    'another prefix': good.replace('whsec_', 'whsk_'),
    'padding missing': good.replace(/=+$/, ''),
    'base64url letters': good.replaceAll('/', '_'),
    'a space inside': good.replace('////', '// //'),
    'bits left over in the last letter': good.replace('/w==', '/x=='),
    'too short': `whsec_${Buffer.from(bytes(23)).toString('base64')}`,
    'too long': `whsec_${Buffer.from(bytes(65)).toString('base64')}`,
    empty: '',
  };
  assert.ok(parseSecret(good));
  for (const [what, text] of Object.entries(wrong)) {
    assert.notEqual(text, good, what);
    assert.equal(parseSecret(text), undefined, what);
  }
});

test('a masked secret shows four letters of it', () => {
  assert.equal(maskedSecret('whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'), 'whsec_MfKQ…');
});
