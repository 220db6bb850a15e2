import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { loadEnd, loadIdentity } from '../../src/adapters/certificate-pem/certificate.ts';
import { directory } from '../support/command-line.ts';
import { certificate } from '../support/tls-files.ts';

const pair = certificate();

function files(t: TestContext, { cert, key }: { cert?: string; key?: string }) {
  const dir = directory(t);
  const named = (name: string, text: string | undefined) => {
    const path = join(dir, name.toLowerCase());
    if (text !== undefined) writeFileSync(path, text);
    return { name, path };
  };
  return { certificate: named('CERT', cert), key: named('KEY', key) };
}

const problemOf = async (t: TestContext, content: { cert?: string; key?: string }) => {
  const loaded = await loadIdentity(files(t, content));
  assert.ok('mistake' in loaded, 'it was taken');
  assert.ok(loaded.mistake.cure.length > 20);
  return `${loaded.mistake.name}: ${loaded.mistake.problem}`;
};

test('a certificate with its chain and its key are taken as they are, an expired one too', async (t) => {
  const chain = `Subject: api\n${pair.cert}${certificate().cert}`;
  assert.deepEqual(await loadIdentity(files(t, { cert: chain, key: pair.key })), { certificate: chain, key: pair.key });
  const expired = certificate({ fromDay: -9, toDay: -1 });
  assert.ok('key' in (await loadIdentity(files(t, expired))));
});

test('what cannot be used is said with its setting and its file, and nothing of the key', async (t) => {
  assert.match(await problemOf(t, { key: pair.key }), /^CERT: the file \/.+\/cert cannot be read \(ENOENT\)$/);
  assert.match(await problemOf(t, { cert: pair.cert }), /^KEY: the file \/.+\/key cannot be read \(ENOENT\)$/);
  const folder = files(t, pair);
  mkdirSync(`${folder.key.path}s`);
  const loaded = await loadIdentity({ ...folder, key: { name: 'KEY', path: `${folder.key.path}s` } });
  assert.ok('mistake' in loaded && /EISDIR/.test(loaded.mistake.problem));

  const broken = pair.cert.replace('MII', 'XXX');
  for (const cert of ['', pair.key, broken])
    assert.match(await problemOf(t, { cert, key: pair.key }), /^CERT: .* holds no certificate in PEM$/);
  const cipher = { type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'secret' } as const;
  const { privateKey: locked } = generateKeyPairSync('ec', {
    namedCurve: 'P-256',
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: cipher,
  });
  for (const key of ['', pair.cert, locked])
    assert.match(await problemOf(t, { cert: pair.cert, key }), /^KEY: .* holds no private key in PEM/);
  const other = await problemOf(t, { cert: pair.cert, key: certificate().key });
  assert.match(other, /^KEY: .* holds another key than that of the certificate in \/.+\/cert$/);
  assert.doesNotMatch(other, /BEGIN/);
});

test('a file of certificates is good until the first of them ends', async (t) => {
  const chain = [pair, certificate({ fromDay: -1, toDay: 9 }), certificate()].map(({ cert }) => cert).join('');
  const { certificate: file, key } = files(t, { cert: chain, key: pair.key });
  const found = await loadEnd(file);
  assert.ok('endsAt' in found);
  const days = (found.endsAt - Date.now()) / 86_400_000;
  assert.ok(days > 8.9 && days <= 9, `${days}`);
  assert.ok('mistake' in (await loadEnd(key)));
});
