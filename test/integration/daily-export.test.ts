import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createDailyExports } from '#app/exports/daily-exports.ts';
import { openExportWorld, readLines, timeZone } from '../support/export-world.ts';

const definition = { elements: [{ type: 'comment', name: 'message' }] };
const at = (text: string) => Date.parse(text);

test("the daily export asks once for yesterday's responses of each form that has any", async (t) => {
  const world = await openExportWorld(t);
  const daily = createDailyExports({ ...world, timeZone });
  const created = at('2026-03-01T00:00Z');
  const busy = await world.form([{ definition }], created);
  const quiet = await world.form([{ definition }], created);
  await world.form([], created);
  // The clocks go forward in the night to the 29th of March: the day ends at 22:00 UTC.
  const times = ['2026-03-28T22:59:59.999Z', '2026-03-28T23:00Z', '2026-03-29T21:59:59.999Z', '2026-03-29T22:00Z'];
  for (const time of times) await world.respond(busy.id, { message: time }, { at: at(time) });
  await world.respond(quiet.id, { message: 'today' }, { at: at('2026-03-30T01:00Z') });

  const tick = at('2026-03-30T02:00+02:00');
  const signal = new AbortController().signal;
  assert.deepEqual(await daily.request(tick, signal), { day: '2026-03-29', exports: 2 });
  await daily.request(tick, signal);
  const { items } = await world.storage.list('export', { limit: 10 });
  assert.deepEqual(
    items.map(({ doc }) => [doc.formId, doc.format]),
    [
      [busy.id, 'parquet'],
      [busy.id, 'jsonl'],
    ],
  );
  for (const { doc } of items)
    assert.match(doc.id, /^exp_[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  assert.equal(world.offered.filter(({ kind }) => kind === 'run-export').length, 2);
  assert.equal((await world.storage.tasks.get(items[0]!.doc.taskId))?.queue, 'default');

  const { doc } = items[1]!;
  const { cause } = await world.claim(doc.taskId);
  await world.exports.run(cause, doc.id, { signal, progress() {} });
  const lines = await readLines(`${world.dir}/blobs/${(await world.exports.get(doc.id)).file}`);
  assert.deepEqual(
    lines.map((line) => (line.answers as { message: string }).message),
    times.slice(1, 3),
  );
});

test('another day is another export', async (t) => {
  const world = await openExportWorld(t);
  const daily = createDailyExports({ ...world, timeZone });
  const form = await world.form([{ definition }], 0);
  for (const day of ['2026-03-01', '2026-03-02']) await world.respond(form.id, {}, { at: at(`${day}T12:00Z`) });
  const signal = new AbortController().signal;
  for (const day of ['2026-03-02', '2026-03-03']) await daily.request(at(`${day}T02:00Z`), signal);
  assert.equal((await world.storage.list('export', { limit: 10 })).items.length, 4);
});
