import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openQueryWorld, start } from '../support/query-world.ts';

const definition = { elements: [{ type: 'text', name: 'n', inputType: 'number' }] };

test('one absurd number takes nobody the figures of the others', async (t) => {
  const world = await openQueryWorld(t);
  const { id } = await world.form([{ definition }], start);
  for (const n of [1, 2, 3, 4, 1e200]) await world.respond(id, { n }, { at: start });
  const { columns, rows } = await world.ask(id, 'numbers', { question: 'n' });
  const row = Object.fromEntries(columns.map(({ name }, i) => [name, rows[0]![i]]));
  assert.deepEqual(
    [row.count, row.deviation, row.least, row.median, row.most],
    [5, null, 1, 3, 1e200],
    'the deviation is beyond what a number can be; the rest is told',
  );
  const steps = (await world.ask(id, 'histogram', { question: 'n', steps: 2 })).rows;
  assert.deepEqual(
    steps.map(([, , count]) => count),
    [4, 1],
  );
});
