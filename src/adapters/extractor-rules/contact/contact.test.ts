import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createRulesExtractor } from '../extractor.ts';
import { findIbans } from './iban.ts';

const extractor = createRulesExtractor();
const context = { now: Date.UTC(2026, 2, 4, 10), timeZone: 'Europe/Berlin', language: 'en' };

function read(type: 'email' | 'url' | 'phone', text: string, region?: string): string | undefined {
  return extractor.extract(text, [{ name: 'it', type }], { ...context, region }).it?.value;
}

test('an e-mail address is found without the punctuation around it and lower-cased', () => {
  const scenarios: [string, string | undefined][] = [
    ['write to Jane.Doe@Example.COM.', 'jane.doe@example.com'],
    ['<a+b@sub.example.co.uk>', 'a+b@sub.example.co.uk'],
    ['mailto:info@müller.de, bitte', 'info@müller.de'],
    ["it's 'o'neil@example.org'", "o'neil@example.org"],
    ['(x_y-z@a-b.io)', 'x_y-z@a-b.io'],
    ['😀jane@example.com', 'jane@example.com'],
    ['follow @jane on example', undefined],
    ['jane@localhost', undefined],
    ['a@b', undefined],
    ['two..dots@example.com', undefined],
    ['meet @ 7.30', undefined],
  ];
  for (const [text, value] of scenarios) assert.equal(read('email', text), value, text);
});

test('a web address is found without the punctuation around it, with a scheme, its host in lower case', () => {
  const scenarios: [string, string | undefined][] = [
    ['see https://Example.com/Path?a=1#x.', 'https://example.com/Path?a=1#x'],
    ['http://example.com:8080/a,b;', 'http://example.com:8080/a,b'],
    ['(www.example.org)', 'https://www.example.org'],
    ['https://en.wikipedia.org/wiki/Rust_(fungus)', 'https://en.wikipedia.org/wiki/Rust_(fungus)'],
    ['my site is shop.example.de!', 'https://shop.example.de'],
    ['example.com/contact, please', 'https://example.com/contact'],
    ['it came too late.it was cold', undefined],
    ['the file report.pdf is missing', undefined],
    ['version 1.2.3', undefined],
    ['jane@example.com', undefined],
    ['https://', undefined],
    ['javascript:alert(1)', undefined],
  ];
  for (const [text, value] of scenarios) assert.equal(read('url', text), value, text);
});

test('a phone number is found in E.164, a national one only when the region is known', () => {
  const scenarios: [string, string | undefined, string | undefined][] = [
    ['call +49 30 123456 today', undefined, '+4930123456'],
    ['call 030 123456 today', 'DE', '+4930123456'],
    ['call 030 123456 today', undefined, undefined],
    ['Tel. (0171) 123 45 67', 'de', '+491711234567'],
    ['my number: +1 (213) 373-4253.', undefined, '+12133734253'],
    ['01 23 45 67 89 svp', 'FR', '+33123456789'],
    ['order 2133734253', 'US', undefined],
    ['order no. 213-373-4253', 'US', undefined],
    ['#2133734253', 'US', undefined],
    ['on 2026-03-12 at 10:30', 'US', undefined],
    ['am 12.03.2026 um 19:30', 'DE', undefined],
    ['DE89 3704 0044 0532 0130 00', 'DE', undefined],
    ['it cost 1,234,567.00 USD', 'US', undefined],
    ['192.168.100.200', 'US', undefined],
    ['030 123456', 'XX', undefined],
  ];
  for (const [text, region, value] of scenarios) assert.equal(read('phone', text, region), value, `${text} ${region}`);
});

test('an account number is known by its country, length and checksum', () => {
  const found = (text: string) => findIbans(text).map(({ start, end }) => text.slice(start, end));
  assert.deepEqual(found('IBAN: DE89 3704 0044 0532 0130 00, danke'), ['DE89 3704 0044 0532 0130 00']);
  assert.deepEqual(found('GB82WEST12345698765432'), ['GB82WEST12345698765432']);
  assert.deepEqual(found('DE89 3704 0044 0532 0130 01'), []);
  assert.deepEqual(found('DE89 3704 0044 0532 0130'), []);
  assert.deepEqual(found('DE89 3704 0044 0532 0130 001'), []);
  assert.deepEqual(found('XX89 3704 0044 0532 0130 00'), []);
});
