import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
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
  const { rows: steps } = await world.ask(id, 'histogram', { question: 'n', steps: 2 });
  assert.deepEqual(steps, [
    [1, 2.5, 2],
    [2.5, null, 3],
  ]);
});

/** The steps of 1, 2, 3 and `odd`, each answered so often. */
async function stepsWith(t: TestContext, odd: number[], { times, least }: { times: number; least: number }) {
  const world = await openQueryWorld(t);
  const { id } = await world.form([{ definition }], start);
  for (const n of [1, 2, 3, ...odd]) for (let i = 0; i < times; i += 1) await world.respond(id, { n }, { at: start });
  return (await world.ask(id, 'histogram', { question: 'n', steps: 2 }, least)).rows;
}

test('numbers whose distance is beyond what a number can be are in the outer steps, which are open then', async (t) => {
  assert.deepEqual(await stepsWith(t, [1.7e308, -1.7e308, 1.7e308], { times: 1, least: 1 }), [
    [null, 2, 2],
    [2, null, 4],
  ]);
  assert.deepEqual(await stepsWith(t, [1.7e308, -1.7e308], { times: 6, least: 5 }), [
    [null, 2, 12],
    [2, 3, 6],
    [3, null, 12],
  ]);
});

for (const { odd, least, rows } of [
  { odd: [1.7e308, 1.6e308], least: 1, rows: [[null, null, 12]] },
  { odd: [7, -1.7e308], least: 1, rows: [[null, 7, 12]] },
  { odd: [1.7e308, 1.6e308], least: 5, rows: [[null, null, 12]] },
  { odd: [0, 5e-324], least: 5, rows: [[null, null, 12]] },
])
  test(`where no steps can be laid between ${odd.join(' and ')} there is one, with a least group of ${least}`, async (t) => {
    const world = await openQueryWorld(t);
    const { id } = await world.form([{ definition }], start);
    for (const n of odd) for (let i = 0; i < 6; i += 1) await world.respond(id, { n }, { at: start });
    assert.deepEqual((await world.ask(id, 'histogram', { question: 'n' }, least)).rows, rows);
  });

test('every answer is in the step that takes it in, where division would put it into the one beside', async (t) => {
  const world = await openQueryWorld(t);
  const { id } = await world.form([{ definition }], start);
  const hundredths = Array.from({ length: 101 }, (_, i) => i / 100);
  for (const n of hundredths) await world.respond(id, { n }, { at: start });
  for (const [steps, least] of [
    [10, 1],
    [100, 1],
    [7, 1],
    [10, 5],
    [20, 5],
    [5, 5],
  ] as const) {
    const { rows } = await world.ask(id, 'histogram', { question: 'n', steps }, least);
    const found = rows as [from: number | null, to: number | null, count: number][];
    assert.ok(found.length >= steps / 2, `${steps}: ${found.length}`);
    for (const [i, [from, to, count]] of found.entries()) {
      const last = i === found.length - 1;
      const within = (n: number) => (from === null || n >= from) && (to === null || n < to || (last && n <= to));
      assert.equal(count, hundredths.filter(within).length, `${steps} steps, least ${least}: ${from} to ${to}`);
    }
  }
});
