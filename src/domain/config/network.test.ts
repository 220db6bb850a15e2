import assert from 'node:assert/strict';
import { isIP } from 'node:net';
import { test } from 'node:test';
import { addressFamily, isLoopback, parseNetwork } from './network.ts';

const literals = [
  '0.0.0.0',
  '255.255.255.255',
  '127.0.0.1',
  '10.0.0.256',
  '10.0.0',
  '10.0.0.0.0',
  '010.0.0.1',
  '1.2.3.4 ',
  '',
  '1',
  '1.2.3.-4',
  '0x7f.0.0.1',
  '::',
  '::1',
  'fe80::1',
  '2001:db8::8:800:200c:417a',
  '1:2:3:4:5:6:7:8',
  '1:2:3:4:5:6:7',
  '1:2:3:4:5:6:7:8:9',
  '1::8',
  '1:2:3:4:5:6:7::',
  '::2:3:4:5:6:7:8',
  '1::2::3',
  ':::',
  ':',
  '1:',
  ':1',
  '1:2:3:4:5:6:7:',
  ':1:2:3:4:5:6:7',
  '::ffff:10.0.0.1',
  '1:2:3:4:5:6:10.0.0.1',
  '1:2:3:4:5:6:7:10.0.0.1',
  '10.0.0.1::',
  '::10.0.0.1:1',
  '::10.0.0.256',
  '12345::',
  'g::',
  '::1%eth0',
  '[::1]',
  'localhost',
  '1::10.0.0.1',
  '1.2.3.4::5',
];

test('a literal address is what node takes for one, except with a zone', () => {
  for (const literal of literals) {
    const family = { 0: undefined, 4: 'ipv4', 6: 'ipv6' }[isIP(literal)];
    assert.equal(addressFamily(literal), literal.includes('%') ? undefined : family, literal);
  }
});

test('a network is an address and a prefix that fits its family', () => {
  assert.deepEqual(parseNetwork('10.0.0.0/8', false), {
    text: '10.0.0.0/8',
    address: '10.0.0.0',
    prefix: 8,
    family: 'ipv4',
  });
  assert.deepEqual(parseNetwork('::/0', false), { text: '::/0', address: '::', prefix: 0, family: 'ipv6' });
  assert.equal(parseNetwork('10.0.0.7', true)?.prefix, 32);
  assert.equal(parseNetwork('::1', true)?.prefix, 128);
  for (const wrong of [
    '10.0.0.7',
    '10.0.0.0/',
    '10.0.0.0/33',
    '::/129',
    '10.0.0.0/08',
    '10.0.0.0/-1',
    '10.0.0.0/8/8',
    '/8',
    'a/8',
    '10.0.0.0/ 8',
  ]) {
    assert.equal(parseNetwork(wrong, false), undefined, wrong);
  }
});

test('only the loopback is the loopback', () => {
  for (const host of ['localhost', 'LOCALHOST', 'api.localhost', '127.0.0.1', '127.9.9.9', '::1'])
    assert.ok(isLoopback(host), host);
  for (const host of ['0.0.0.0', '::', '10.0.0.1', 'localhost.example.org', '127.evil.org', ''])
    assert.ok(!isLoopback(host), host);
});
