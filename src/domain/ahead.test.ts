import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ahead } from './ahead.ts';

test('the next one is on its way while one is worked on, and no more than that', async () => {
  const made: number[] = [];
  async function* numbers() {
    for (let n = 1; n <= 4; n++) {
      made.push(n);
      yield n;
    }
  }
  const seen: number[] = [];
  for await (const n of ahead(numbers())) {
    await new Promise(setImmediate);
    assert.deepEqual(made, [1, 2, 3, 4].slice(0, n + 1));
    seen.push(n);
  }
  assert.deepEqual(seen, [1, 2, 3, 4]);
});

test('an error comes after what was before it, to whoever goes on, and whoever stops has the maker end', async () => {
  const ended: string[] = [];
  async function* failing(name: string) {
    try {
      yield 1;
      throw new Error('no second one');
    } finally {
      ended.push(name);
    }
  }
  const seen: number[] = [];
  await assert.rejects(
    async () => {
      for await (const n of ahead(failing('went on'))) seen.push(n);
    },
    { message: 'no second one' },
  );
  assert.deepEqual(seen, [1]);
  for await (const n of ahead(failing('stopped'))) if (n === 1) break;
  await new Promise(setImmediate);
  assert.deepEqual(ended, ['went on', 'stopped']);

  async function* endless() {
    try {
      for (;;) yield 1;
    } finally {
      ended.push('endless');
    }
  }
  for await (const _ of ahead(endless())) break;
  await new Promise(setImmediate);
  assert.deepEqual(ended.slice(2), ['endless']);
});
