import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createFirstAlone } from './first-alone.ts';

/** Works that end when they are told to, and which of them have begun. */
function worksOf(mostMs: number) {
  const firstAlone = createFirstAlone(mostMs);
  const begun: string[] = [];
  const ends = new Map<string, (ran: boolean) => void>();
  const ask = (name: string) =>
    firstAlone(() => {
      begun.push(name);
      return new Promise<boolean>((resolve) => ends.set(name, resolve));
    });
  const end = async (name: string, ran: boolean) => {
    ends.get(name)!(ran);
    await new Promise((resolve) => setImmediate(resolve));
  };
  return { ask, begun, end };
}

test('one runs alone until it has done something, and then all the others at once', async () => {
  const { ask, begun, end } = worksOf(60_000);
  const all = ['a', 'b', 'c'].map(ask);
  assert.deepEqual(begun, ['a']);
  await end('a', true);
  assert.deepEqual(begun, ['a', 'b', 'c']);
  all.push(ask('d'));
  assert.deepEqual(begun, ['a', 'b', 'c', 'd']);
  for (const name of ['b', 'c', 'd']) await end(name, true);
  await Promise.all(all);
});

test('one that had nothing to do leaves its place to another', async () => {
  const { ask, begun, end } = worksOf(60_000);
  const all = ['a', 'b', 'c'].map(ask);
  await end('a', false);
  assert.deepEqual(begun, ['a', 'b']);
  await end('b', true);
  assert.deepEqual(begun, ['a', 'b', 'c']);
  await end('c', true);
  await Promise.all(all);
});

test('one that failed leaves its place to another, and its error is its own', async () => {
  const firstAlone = createFirstAlone(60_000);
  const failed = firstAlone(() => Promise.reject(new Error('no')));
  let ran = false;
  const other = firstAlone(async () => {
    ran = true;
    return true;
  });
  await assert.rejects(failed, /no/);
  await other;
  assert.equal(ran, true);
});

test('nobody waits for one that takes longer than it may be alone', async () => {
  const { ask, begun, end } = worksOf(20);
  const all = ['a', 'b', 'c'].map(ask);
  await new Promise((resolve) => setTimeout(resolve, 40));
  assert.deepEqual(begun, ['a', 'b', 'c']);
  for (const name of begun) await end(name, true);
  await Promise.all(all);
});
