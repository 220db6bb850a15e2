import assert from 'node:assert/strict';
import type { IncomingMessage } from 'node:http';
import { test } from 'node:test';
import { freshRequestIds, requestIds } from './request-id.ts';

function idOf(sent: string | undefined, trusted: boolean): string {
  const request = {
    headers: { 'x-request-id': sent },
    socket: { remoteAddress: '192.0.2.1' },
  } as unknown as IncomingMessage;
  return requestIds({ trusts: (address) => trusted && address === '192.0.2.1', fresh: () => 'fresh' })(request);
}

test('an id is taken over from a trusted proxy only', () => {
  assert.equal(idOf('abc-1.Z_', true), 'abc-1.Z_');
  assert.equal(idOf('abc-1.Z_', false), 'fresh');
  assert.equal(idOf(undefined, true), 'fresh');
});

test('an id that is not well-formed is not taken over from anybody', () => {
  for (const sent of ['', 'a b', 'a\nb', '<b>', 'ä', 'x'.repeat(65)]) assert.equal(idOf(sent, true), 'fresh', sent);
  assert.equal(idOf('x'.repeat(64), true), 'x'.repeat(64));
});

test('fresh ids differ, within a process and between two', () => {
  const [first, second] = [freshRequestIds(), freshRequestIds()];
  const ids = new Set([first(), first(), second(), second()]);
  assert.equal(ids.size, 4);
  for (const id of ids) assert.match(id, /^[0-9a-f]{16}-[0-9a-z]+$/);
});
