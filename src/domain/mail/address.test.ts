import assert from 'node:assert/strict';
import { test } from 'node:test';
import { domainOf, isAddress, recipientKey } from './address.ts';

test('an address is one mailbox and nothing that a header or a command would read as more', () => {
  for (const good of [
    'ada@example.org',
    'a.b+c@mail.example.org',
    "o'brien@example.org",
    'ada@localhost',
    'ada@bücher.example',
    'jürgen@example.org',
    "!#$%&'*+-/=?^_`{|}~@example.org",
    `ada@${'a'.repeat(63)}.org`,
    'ada@mail_1.internal',
    'ada@xn--bcher-kva.example',
  ])
    assert.ok(isAddress(good), good);
  const bad = [
    'ada',
    '@example.org',
    'ada@',
    'ada@example.org, eve@example.org',
    'ada@example.org\r\nBcc: eve@example.org',
    'ada@example.org\u0000',
    'Ada <ada@example.org>',
    '"ada eve"@example.org',
    'ada@[127.0.0.1]',
    'ada@example..org',
    'ada@eve@example.org',
    `${'a'.repeat(65)}@example.org`,
    `ada@${'a'.repeat(260)}.org`,
    'a..b@example.org',
    '.ada@example.org',
    'ada.@example.org',
    'ada@-example.org',
    'ada@example-.org',
    'ada@-bücher.example',
    'ada@exa|mple.org',
    'ada@büc|her.example',
    'ada@bücher.example/x',
    'ada@bücher.example:80',
    'ada@.example.org',
    'ada@example.org.',
    `ada@${'a'.repeat(64)}.org`,
    // 60 characters, of which punycode makes 66.
    `ada@${'ü'.repeat(60)}.org`,
  ];
  for (const one of bad) assert.ok(!isAddress(one), one);
});

test('the key of a recipient is the same for every spelling of the mailbox, and does not show it', () => {
  assert.equal(recipientKey('Ada@Example.org'), recipientKey('ada@example.org'));
  assert.notEqual(recipientKey('ada@example.org'), recipientKey('eve@example.org'));
  assert.match(recipientKey('ada@example.org'), /^[0-9a-f]{16}$/);
});

test('a domain is told in ASCII, and one that is ASCII as it was written', () => {
  assert.equal(domainOf('ada@mail.Example.org'), 'mail.Example.org');
  assert.equal(domainOf('ada@bücher.example'), 'xn--bcher-kva.example');
});
