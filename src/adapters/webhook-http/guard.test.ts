import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createGuard } from './guard.ts';

const strict = createGuard([]);

test('addresses of the public internet pass', () => {
  const addresses = [
    '1.1.1.1',
    '8.8.8.8',
    '9.255.255.255',
    '11.0.0.0',
    '100.63.255.255',
    '100.128.0.0',
    '126.255.255.255',
    '128.0.0.1',
    '169.253.255.255',
    '172.15.255.255',
    '172.32.0.0',
    '192.0.1.0',
    '192.167.255.255',
    '192.169.0.0',
    '198.17.255.255',
    '198.20.0.0',
    '223.255.255.255',
    '2001:4860:4860::8888',
    '2606:4700:4700::1111',
    '2a00:1450:4001:82a::200e',
    '2001:200::1',
    '2003::1',
    '::ffff:8.8.8.8',
    '64:ff9b::808:808',
    '2002:808:808::1',
  ];
  for (const address of addresses) assert.deepEqual(strict.check(address), { ok: true, listed: false }, address);
});

test('special addresses are refused, first and last of each block', () => {
  const addresses = [
    ...['0.0.0.0', '0.255.255.255', '10.0.0.0', '10.255.255.255', '100.64.0.0', '100.127.255.255'],
    ...['127.0.0.1', '127.255.255.255', '169.254.0.0', '169.254.169.254', '169.254.255.255'],
    ...['172.16.0.0', '172.31.255.255', '192.0.0.1', '192.0.0.255', '192.0.2.1', '192.88.99.1'],
    ...['192.168.0.0', '192.168.255.255', '198.18.0.0', '198.19.255.255', '198.51.100.7', '203.0.113.7'],
    ...['224.0.0.1', '239.255.255.255', '240.0.0.1', '255.255.255.255', '168.63.129.16', '100.100.100.200'],
    ...['::', '::1', '::2', '::7f00:1', '::127.0.0.1', '::8.8.8.8', '::ffff:0:127.0.0.1', '::ffff:0:8.8.8.8'],
    ...['64:ff9b:1::808:808', '100::1', 'fc00::1', 'fd00:ec2::254', 'fd12:3456::1', 'fe80::1', 'fe80::1%eth0'],
    ...['febf::1', 'fec0::1', 'ff02::1', '4000::1', '5f00::1', '8000::1'],
    ...['2001::1', '2001:0:808:808::1', '2001:2::1', '2001:10::1', '2001:20::1', '2001:1ff::1', '2001:db8::1'],
    ...['3fff::1', '3fff:fff::1'],
  ];
  for (const address of addresses) assert.equal(strict.check(address).ok, false, address);
});

test('an IPv4 address inside an IPv6 address is decided as itself', () => {
  const inside = [
    '::ffff:127.0.0.1',
    '::ffff:7f00:1',
    '0:0:0:0:0:FFFF:7F00:0001',
    '::ffff:a9fe:a9fe',
    '::ffff:10.1.2.3',
  ];
  const translated = ['64:ff9b::7f00:1', '64:ff9b::10.0.0.1', '64:ff9b::169.254.169.254', '64:ff9b:0::c0a8:1'];
  const tunnelled = ['2002:7f00:1::', '2002:a00:1::1', '2002:a9fe:a9fe::1', '2002:c0a8:0101:1::1'];
  for (const address of [...inside, ...translated, ...tunnelled]) {
    assert.equal(strict.check(address).ok, false, address);
  }
});

test('what is no address is refused', () => {
  for (const text of [
    '',
    'localhost',
    '127.1',
    '0x7f000001',
    '[::1]',
    '1.2.3.4:80',
    '1.2.3.4/8',
    '::1::',
    ' 8.8.8.8',
  ]) {
    assert.equal(strict.check(text).ok, false, JSON.stringify(text));
  }
});

test('a listed network is open in every spelling of its addresses, and nothing beside it', () => {
  const guard = createGuard(['127.0.0.0/8', '10.1.0.0/16', 'fd12::/16', '192.168.7.7']);
  for (const address of ['127.0.0.1', '127.9.9.9', '::ffff:127.0.0.1', '10.1.255.255', 'fd12::1', '192.168.7.7']) {
    assert.deepEqual(guard.check(address), { ok: true, listed: true }, address);
  }
  for (const address of ['10.2.0.0', '::1', 'fd13::1', '192.168.7.8', '0.0.0.0', '::127.0.0.1']) {
    assert.equal(guard.check(address).ok, false, address);
  }
  assert.deepEqual(guard.check('8.8.8.8'), { ok: true, listed: false });
});

test('no setting opens a metadata service', () => {
  const guard = createGuard([
    '0.0.0.0/0',
    '::/0',
    '169.254.169.254/32',
    '169.254.0.0/16',
    'fd00:ec2::254',
    'fe80::/10',
  ]);
  const services = [
    ...['169.254.169.254', '169.254.170.2', '169.254.170.23', '::ffff:169.254.169.254', '64:ff9b::a9fe:a9fe'],
    ...['100.100.100.200', '168.63.129.16', '192.0.0.192', 'fd00:ec2::254', 'fd20:ce::254', 'fe80::a9fe:a9fe%eth0'],
  ];
  for (const address of services) assert.equal(guard.check(address).ok, false, address);
  assert.equal(guard.check('10.0.0.1').ok, true);
  assert.equal(guard.check('::1').ok, true);
});

test('a slip in the list of networks stops the start and is named', () => {
  const slips = [
    ...['10.0.0.0/33', '10.0.0.0/', '10.0.0.0/8/8', '10.0.0.0/-1', '10.0.0/8', 'localhost', '', 'fe80::1%eth0'],
    ...['::/129', '::ffff:10.0.0.0/104', '64:ff9b::/96', '2002:a00::/24'],
  ];
  for (const slip of slips) assert.throws(() => createGuard(['127.0.0.0/8', slip]), /not a network/, slip);
  assert.throws(() => createGuard(['bad-one', '10.0.0.0/8', 'bad-two']), /bad-one, bad-two/);
});
