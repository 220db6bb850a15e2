import assert from 'node:assert/strict';
import { test } from 'node:test';
import { choose, parseSelection, type Selection } from './selection.ts';

const a = { name: 'a', version: '1' };
const b = { name: 'b', version: '1' };

test('choosing remembers the one before, so that a rollback goes back, and forward again', () => {
  const one = choose({}, 'text', a, 1);
  assert.deepEqual(one, { text: { ...a, since: 1 } });
  const two = choose(one, 'text', b, 2);
  assert.deepEqual(two.text, { ...b, since: 2, previous: a });
  const back = choose(two, 'text', two.text!.previous!, 3);
  assert.deepEqual(back.text, { ...a, since: 3, previous: b });
  assert.deepEqual(choose(back, 'text', back.text!.previous!, 4).text, { ...b, since: 4, previous: a });
});

test('choosing the one in use changes nothing, and another version of it does', () => {
  const one = choose({}, 'text', a, 1);
  assert.equal(choose(one, 'text', { ...a }, 2), one);
  assert.deepEqual(choose(one, 'text', { ...a, version: '2' }, 2).text?.previous, a);
});

test('purposes do not touch each other', () => {
  const both = choose(choose({}, 'text', a, 1), 'embedding', b, 2);
  assert.deepEqual(both, { text: { ...a, since: 1 }, embedding: { ...b, since: 2 } });
});

test('a selection is read as it was written, and nothing else is one', () => {
  const selection: Selection = { text: { ...a, since: 1, previous: b } };
  assert.deepEqual(parseSelection(JSON.parse(JSON.stringify(selection))), selection);
  for (const json of [
    null,
    [],
    'x',
    { other: { ...a, since: 1 } },
    { text: a },
    { text: { ...a, since: 1, previous: {} } },
  ])
    assert.equal(parseSelection(json), undefined, JSON.stringify(json));
});
