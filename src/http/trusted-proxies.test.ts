import assert from 'node:assert/strict';
import { test } from 'node:test';
import { trustedProxies } from './trusted-proxies.ts';

test('nobody is trusted unless named', () => {
  const trusts = trustedProxies([]);
  assert.equal(trusts('127.0.0.1'), false);
  assert.equal(trusts('::1'), false);
});

test('addresses and ranges of both families are trusted, their neighbours are not', () => {
  const trusts = trustedProxies(['192.0.2.7', '10.1.0.0/16', '2001:db8::/32', '::1']);
  for (const address of ['192.0.2.7', '10.1.255.255', '2001:db8:1::5', '::1', '::ffff:192.0.2.7', '::ffff:10.1.2.3']) {
    assert.equal(trusts(address), true, address);
    assert.equal(trusts(address), true, `${address} asked again`);
  }
  for (const address of [
    '192.0.2.8',
    '10.2.0.0',
    '2001:db9::1',
    '::2',
    '::ffff:192.0.2.8',
    '',
    'unknown',
    '192.0.2.7, 10.1.0.1',
    '192.0.2.7:80',
  ]) {
    assert.equal(trusts(address), false, address);
  }
});

test('an entry that is no address or range is an error at the start', () => {
  for (const entry of [
    '',
    'localhost',
    '10.0.0.0/33',
    '10.0.0.0/',
    '10.0.0.0/-1',
    '::/129',
    '10.0.0.0/8/8',
    '10.0.0',
  ]) {
    assert.throws(() => trustedProxies([entry]), /not an address or CIDR range/, entry);
  }
});

test('answers stay right after more addresses than are remembered', () => {
  const trusts = trustedProxies(['10.0.0.0/8']);
  for (let i = 0; i < 3000; i += 1) assert.equal(trusts(`11.0.${i >> 8}.${i & 255}`), false);
  assert.equal(trusts('10.9.9.9'), true);
});
