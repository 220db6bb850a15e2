import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { createIdle } from './idle.ts';

function world(t: TestContext) {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const ended: string[] = [];
  return {
    ended,
    idle: createIdle<string>((left) => void ended.push(left)),
    tick: (ms: number) => t.mock.timers.tick(ms),
  };
}

test('what was left is taken once, and only by who asks for the same', (t) => {
  const { idle, ended, tick } = world(t);
  idle.keep('a', 'first');
  idle.keep('a', 'second');
  assert.equal(idle.take('b'), undefined);
  assert.equal(idle.take('a'), 'second');
  assert.equal(idle.take('a'), 'first');
  assert.equal(idle.take('a'), undefined);
  tick(10_000);
  assert.deepEqual(ended, [], 'what was taken is the taker’s');
});

test('more than two are not kept: the oldest is ended', (t) => {
  const { idle, ended } = world(t);
  for (const name of ['a', 'b', 'c']) idle.keep(name, name);
  assert.deepEqual(ended, ['a']);
  assert.deepEqual([idle.take('b'), idle.take('c')], ['b', 'c']);
});

test('what nobody takes is ended two seconds after the last was left', (t) => {
  const { idle, ended, tick } = world(t);
  idle.keep('a', 'a');
  tick(1500);
  idle.keep('b', 'b');
  tick(1999);
  assert.deepEqual(ended, []);
  tick(1);
  assert.deepEqual(ended, ['a', 'b']);
  assert.equal(idle.take('a'), undefined);
});
