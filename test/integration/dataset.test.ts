import assert from 'node:assert/strict';
import { readdir, readFile, rm, truncate } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { datasetArea } from '#domain/dataset/dataset.ts';
import { datasetView } from '#domain/dataset/dataset-view.ts';
import { openExportWorld, type Row, readLines, readParquet, type World } from '../support/export-world.ts';

const definition = {
  elements: [
    { type: 'comment', name: 'message' },
    { type: 'rating', name: 'stars' },
  ],
};
const at = (text: string) => Date.parse(text);
const noon = (day: number) => at(`2026-03-${String(day).padStart(2, '0')}T12:00Z`);
const dayName = (day: number) => `2026-03-${String(day).padStart(2, '0')}`;

const dirOf = (world: World, formId: string) => join(world.dir, 'blobs', datasetArea(formId));
const filesIn = async (world: World, formId: string) => (await readdir(dirOf(world, formId))).sort();

/** Every row of both formats, as the manifest names the files. */
async function rowsOf(world: World, formId: string): Promise<{ parquet: Row[]; jsonl: Row[] }> {
  const doc = await world.datasets.get(formId);
  const rows: { parquet: Row[]; jsonl: Row[] } = { parquet: [], jsonl: [] };
  for (const { parquet, jsonl, rows: count } of doc?.partitions ?? []) {
    const [table, lines] = [
      (await readParquet(join(dirOf(world, formId), parquet.name))).rows,
      await readLines(join(dirOf(world, formId), jsonl.name)),
    ];
    assert.deepEqual([table.length, lines.length], [count, count]);
    rows.parquet.push(...table);
    rows.jsonl.push(...lines);
  }
  return rows;
}
const messages = async (world: World, formId: string) => {
  const { parquet, jsonl } = await rowsOf(world, formId);
  const of = (rows: Row[]) => rows.map((row) => row.message__text as string).sort();
  assert.deepEqual(of(parquet), of(jsonl));
  return of(parquet);
};
const spans = async (world: World, formId: string) =>
  (await world.datasets.get(formId))!.partitions.map(({ from, to, rows }) => [from, to, rows]);

async function review(world: World, id: string, label: string) {
  const found = (await world.storage.get('response', id))!;
  const doc = { ...found.doc, review: { label, by: 'usr_1', at: world.clock.now() } };
  await world.storage.commit({ change: { op: 'update', kind: 'response', doc, expect: found.revision } });
}
async function erase(world: World, id: string) {
  const { revision } = (await world.storage.get('response', id))!;
  await world.storage.commit({ change: { op: 'remove', kind: 'response', id, expect: revision } });
}

test('an update writes each day once, in two files with the same rows, and a second one writes nothing', async (t) => {
  const world = await openExportWorld(t);
  world.clock.advance(noon(20) - world.clock.now());
  const form = await world.form([{ definition }]);
  for (const day of [3, 3, 4, 6])
    await world.respond(form.id, { message: `on ${day}`, stars: day % 5 }, { at: noon(day) });
  assert.equal(await world.datasets.get(form.id), undefined);
  const first = await world.update(form.id);
  assert.deepEqual([first.partitions, first.rows, first.misfits], [3, 4, 0]);
  assert.deepEqual(await spans(world, form.id), [
    [dayName(3), dayName(3), 2],
    [dayName(4), dayName(4), 1],
    [dayName(6), dayName(6), 1],
  ]);
  assert.deepEqual(await messages(world, form.id), ['on 3', 'on 3', 'on 4', 'on 6']);
  const before = [await filesIn(world, form.id), (await world.datasets.get(form.id))!.version];
  const second = await world.update(form.id);
  assert.deepEqual([second.partitions, second.rows], [0, 0]);
  assert.deepEqual([await filesIn(world, form.id), (await world.datasets.get(form.id))!.version], before);
});

test('the next day costs the next day only; a review costs its day', async (t) => {
  const world = await openExportWorld(t);
  world.clock.advance(noon(20) - world.clock.now());
  const form = await world.form([{ definition }]);
  const ids: string[] = [];
  for (const day of [3, 4, 5]) ids.push(await world.respond(form.id, { message: `on ${day}` }, { at: noon(day) }));
  await world.update(form.id);
  const before = (await world.datasets.get(form.id))!.partitions;
  await world.respond(form.id, { message: 'on 6' }, { at: noon(6) });
  assert.equal((await world.update(form.id)).partitions, 1);
  await review(world, ids[1]!, 'praise');
  assert.equal((await world.update(form.id)).partitions, 1);
  const after = (await world.datasets.get(form.id))!.partitions;
  assert.deepEqual([after[0], after[2]], [before[0], before[2]]);
  assert.notEqual(after[1]!.parquet.name, before[1]!.parquet.name);
  const { parquet } = await rowsOf(world, form.id);
  assert.deepEqual(
    parquet.map(({ message__text, label, label_source }) => [message__text, label, label_source]),
    [
      ['on 3', null, null],
      ['on 4', 'praise', 'review'],
      ['on 5', null, null],
      ['on 6', null, null],
    ],
  );
});

test('what was removed from the store is in no file that the manifest names; a day without responses has none', async (t) => {
  const world = await openExportWorld(t);
  world.clock.advance(noon(20) - world.clock.now());
  const form = await world.form([{ definition }]);
  const [a, b] = [
    await world.respond(form.id, { message: 'a' }, { at: noon(3) }),
    await world.respond(form.id, { message: 'b' }, { at: noon(4) }),
  ];
  await world.respond(form.id, { message: 'c' }, { at: noon(4) });
  await world.update(form.id);
  await erase(world, a);
  await erase(world, b);
  await world.update(form.id);
  assert.deepEqual(await messages(world, form.id), ['c']);
  assert.deepEqual(await spans(world, form.id), [[dayName(4), dayName(4), 1]]);
  // The files of before go when nobody can be reading them any more.
  assert.equal((await filesIn(world, form.id)).length, 2 + 4 + 1);
  world.clock.advance(3_700_000);
  await world.update(form.id);
  assert.equal((await filesIn(world, form.id)).length, 2 + 1);
});

test('the small days of a month that is over become one partition, which is written again when one of them changes', async (t) => {
  const world = await openExportWorld(t);
  world.clock.advance(at('2026-03-31T12:00Z') - world.clock.now());
  const form = await world.form([{ definition }]);
  const ids: string[] = [];
  for (const day of [3, 9, 30]) ids.push(await world.respond(form.id, { message: `on ${day}` }, { at: noon(day) }));
  await world.update(form.id);
  assert.equal((await spans(world, form.id)).length, 3);
  world.clock.advance(2 * 86_400_000);
  await world.respond(form.id, { message: 'April' });
  await world.update(form.id);
  assert.deepEqual(await spans(world, form.id), [
    [dayName(3), dayName(30), 3],
    ['2026-04-02', '2026-04-02', 1],
  ]);
  await review(world, ids[1]!, 'praise');
  await world.respond(form.id, { message: 'late, with a day between' }, { at: noon(12) });
  assert.equal((await world.update(form.id)).partitions, 1);
  assert.deepEqual(await messages(world, form.id), ['April', 'late, with a day between', 'on 3', 'on 30', 'on 9']);
});

test('a version that adds a question adds a column, and older files keep theirs', async (t) => {
  const world = await openExportWorld(t);
  world.clock.advance(noon(20) - world.clock.now());
  const more = { elements: [...definition.elements, { type: 'text', name: 'town' }] };
  const form = await world.form([{ definition }, { definition: more }]);
  await world.respond(form.id, { message: 'old' }, { at: noon(3) });
  await world.respond(form.id, { message: 'new', town: 'Ulm' }, { at: noon(4), version: 2 });
  await world.update(form.id);
  const { columns } = (await world.datasets.get(form.id))!;
  assert.ok(columns.some(({ name }) => name === 'town__text'));
  const { jsonl } = await rowsOf(world, form.id);
  assert.deepEqual(
    jsonl.map(({ town__text }) => town__text),
    [undefined, 'Ulm'],
  );
});

test('answers that are withheld from some version on leave the files that were written before', async (t) => {
  const world = await openExportWorld(t);
  world.clock.advance(noon(20) - world.clock.now());
  const open = {
    elements: [
      { type: 'text', name: 'pin' },
      { type: 'comment', name: 'message' },
    ],
  };
  const form = await world.form([{ definition: open }]);
  await world.respond(form.id, { message: 'a', pin: 'topsecret' }, { at: noon(3) });
  await world.update(form.id);
  assert.match(JSON.stringify(await rowsOf(world, form.id)), /topsecret/);
  const closed = {
    elements: [
      { type: 'text', name: 'pin', inputType: 'password' },
      { type: 'comment', name: 'message' },
    ],
  };
  const other = await world.form([{ definition: open }, { definition: closed }]);
  const [version] = (
    await world.storage.list('form-version', { where: { formId: other.id }, newestFirst: true, limit: 1 })
  ).items;
  await world.storage.commit({
    change: { op: 'insert', kind: 'form-version', doc: { ...version!.doc, id: `${form.id}/2`, formId: form.id } },
  });
  assert.equal((await world.update(form.id)).partitions, 1);
  const { parquet, jsonl } = await rowsOf(world, form.id);
  assert.doesNotMatch(JSON.stringify([parquet, jsonl]), /topsecret/);
  for (const names of [Object.keys(parquet[0]!), (await world.datasets.get(form.id))!.columns.map(({ name }) => name)])
    assert.deepEqual([names.includes('message__text'), names.includes('pin__text')], [true, false]);
});

test('a file that is lost or cut off is written again', async (t) => {
  const world = await openExportWorld(t);
  world.clock.advance(noon(20) - world.clock.now());
  const form = await world.form([{ definition }]);
  for (const day of [3, 4]) await world.respond(form.id, { message: `on ${day}` }, { at: noon(day) });
  await world.update(form.id);
  const [first, second] = (await world.datasets.get(form.id))!.partitions;
  await rm(join(dirOf(world, form.id), first!.parquet.name));
  await truncate(join(dirOf(world, form.id), second!.jsonl.name), 10);
  assert.equal((await world.update(form.id)).partitions, 2);
  assert.deepEqual(await messages(world, form.id), ['on 3', 'on 4']);
});

test('an update that is stopped goes on where it was, and leaves no half-written file', async (t) => {
  const world = await openExportWorld(t);
  world.clock.advance(noon(20) - world.clock.now());
  const form = await world.form([{ definition }]);
  for (const day of [3, 4, 5, 6]) await world.respond(form.id, { message: `on ${day}` }, { at: noon(day) });
  const stop = new AbortController();
  const seen: number[] = [];
  const progress = (fraction: number) => {
    seen.push(fraction);
    // The first day is in the manifest before the third one is begun.
    if (fraction >= 0.75) stop.abort(new Error('enough'));
  };
  await assert.rejects(world.update(form.id, { signal: stop.signal, progress }), /enough/);
  assert.deepEqual(seen, [0.25, 0.5, 0.75]);
  const half = (await world.datasets.get(form.id))!;
  const done = half.partitions.length;
  assert.ok(done === 1 || done === 2, `${done}`);
  assert.equal(half.completeTo, 0);
  assert.deepEqual(await world.staged(), []);
  const report = await world.update(form.id);
  assert.deepEqual([report.partitions, report.rows], [4 - done, 4 - done]);
  assert.equal((await world.datasets.get(form.id))!.partitions[0]!.parquet.name, half.partitions[0]!.parquet.name);
  assert.deepEqual(await messages(world, form.id), ['on 3', 'on 4', 'on 5', 'on 6']);
});

test('of two updates at once one wins, and the files are those that its manifest names', async (t) => {
  const world = await openExportWorld(t);
  world.clock.advance(noon(20) - world.clock.now());
  const form = await world.form([{ definition }]);
  for (let i = 0; i < 30; i++) await world.respond(form.id, { message: `${i}` }, { at: noon(3 + (i % 3)) });
  const ends = await Promise.allSettled([world.update(form.id), world.update(form.id)]);
  const lost = ends.filter(({ status }) => status === 'rejected');
  assert.ok(lost.length <= 1);
  for (const end of lost) assert.equal((end as PromiseRejectedResult).reason.code, 'conflict');
  await world.update(form.id);
  assert.equal((await messages(world, form.id)).length, 30);
});

test('a worker that has lost its lease changes no manifest', async (t) => {
  const world = await openExportWorld(t);
  const form = await world.form([{ definition }]);
  await world.respond(form.id, { message: 'a' });
  const { taskId } = await world.datasets.request(world.caller, form.id);
  await world.claim(taskId);
  const late = { taskId, lease: 'lse_of_somebody_else' };
  const run = { signal: new AbortController().signal, progress() {} };
  await assert.rejects(world.datasets.update(late, form.id, run), { code: 'conflict' });
  assert.equal(await world.datasets.get(form.id), undefined);
});

test('a disk that is nearly full stops an update and keeps the files of before', async (t) => {
  let free = 1e12;
  const world = await openExportWorld(t, { freeBytes: () => free });
  world.clock.advance(noon(20) - world.clock.now());
  const form = await world.form([{ definition }]);
  await world.respond(form.id, { message: 'a' }, { at: noon(3) });
  await world.update(form.id);
  await world.respond(form.id, { message: 'b' }, { at: noon(3) });
  free = 1000;
  await assert.rejects(world.update(form.id), {
    code: 'disk-nearly-full',
    detail: /^1 MB are free .* where 1 MB stay free/,
  });
  assert.deepEqual([await messages(world, form.id), await world.staged()], [['a'], []]);
  free = 1e12;
  await world.update(form.id);
  assert.deepEqual(await messages(world, form.id), ['a', 'b']);
});

test('the manifest beside the files is the one of the store', async (t) => {
  const world = await openExportWorld(t);
  world.clock.advance(noon(20) - world.clock.now());
  const form = await world.form([{ definition }]);
  for (const day of [3, 4]) await world.respond(form.id, { message: `on ${day}` }, { at: noon(day) });
  await world.update(form.id);
  const beside = JSON.parse(await readFile(join(dirOf(world, form.id), 'manifest.json'), 'utf8'));
  assert.deepEqual(beside, JSON.parse(JSON.stringify(datasetView((await world.datasets.get(form.id))!))));
  assert.deepEqual([beside.rows, beside.partitions.length, beside.form_id], [2, 2, form.id]);
});

test('the clock set back a day loses nothing', async (t) => {
  const world = await openExportWorld(t);
  world.clock.advance(noon(20) - world.clock.now());
  const form = await world.form([{ definition }]);
  await world.respond(form.id, { message: 'a' });
  await world.update(form.id);
  world.clock.advance(-86_400_000);
  await world.respond(form.id, { message: 'b' });
  await world.update(form.id);
  world.clock.advance(2 * 86_400_000);
  await world.respond(form.id, { message: 'c' });
  await world.update(form.id);
  assert.deepEqual(await messages(world, form.id), ['a', 'b', 'c']);
});

test('responses whose day was counted in another time zone are in the files of that day, once', async (t) => {
  const world = await openExportWorld(t);
  world.clock.advance(noon(20) - world.clock.now());
  const form = await world.form([{ definition }]);
  const id = await world.respond(form.id, { message: 'far west' }, { at: noon(4) });
  const found = (await world.storage.get('response', id))!;
  await world.storage.commit({
    change: { op: 'update', kind: 'response', doc: { ...found.doc, day: dayName(3) }, expect: found.revision },
  });
  await world.respond(form.id, { message: 'here' }, { at: noon(4) });
  await world.update(form.id);
  assert.deepEqual(await spans(world, form.id), [
    [dayName(3), dayName(3), 1],
    [dayName(4), dayName(4), 1],
  ]);
});

test('the nightly task asks once for each form that was ever published', async (t) => {
  const world = await openExportWorld(t);
  const forms = [await world.form([{ definition }]), await world.form([{ definition }])];
  await world.form([]);
  const tick = noon(20);
  const signal = new AbortController().signal;
  assert.deepEqual(await world.datasets.requestAll(tick, signal), { forms: 2 });
  assert.deepEqual(await world.datasets.requestAll(tick, signal), { forms: 2 });
  const { items } = await world.storage.tasks.list({ limit: 10 });
  const asked = items
    .filter(({ kind }) => kind === 'update-dataset')
    .map(({ payload }) => (payload as { form_id: string }).form_id);
  assert.deepEqual(asked.sort(), forms.map(({ id }) => id).sort());
});

test('files that questions need are asked for once an hour, also when the tries of the hour before are spent', async (t) => {
  const world = await openExportWorld(t);
  world.clock.advance(noon(20) - world.clock.now());
  const form = await world.form([{ definition }]);
  const asked = async () =>
    (await world.storage.tasks.list({ limit: 10 })).items.map(({ status, payload }) => [status, payload]).toReversed();
  for (const [reason, payload] of [
    [{ damaged: 'a.parquet' }, { form_id: form.id, damaged: 'a.parquet' }],
    [{ completeTo: 7 }, { form_id: form.id }],
  ] as const) {
    const before = await asked();
    for (let question = 0; question < 2; question++) await world.datasets.requestOnce(form.id, reason);
    assert.deepEqual(await asked(), [...before, ['pending', payload]]);
    const { task, cause } = await world.claim(world.offered.at(-1)!.id);
    const settlement = { status: 'failed', error: { code: 'disk-nearly-full', detail: '' } } as const;
    const settle = { op: 'settle', id: task.id, lease: cause.lease, settlement, now: world.clock.now() } as const;
    await world.storage.commit({ change: settle });
    await world.datasets.requestOnce(form.id, reason);
    assert.deepEqual(await asked(), [...before, ['failed', payload]]);
    world.clock.advance(3_600_000);
    await world.datasets.requestOnce(form.id, reason);
    assert.deepEqual(await asked(), [...before, ['failed', payload], ['pending', payload]]);
    world.clock.advance(3_600_000);
  }
});

test('whoever listens is told once that files are ready, and which days', async (t) => {
  const world = await openExportWorld(t);
  world.clock.advance(noon(20) - world.clock.now());
  world.wanted.add('export.ready');
  const form = await world.form([{ definition }]);
  for (const day of [3, 4]) await world.respond(form.id, { message: `on ${day}` }, { at: noon(day) });
  await world.update(form.id);
  await world.update(form.id);
  const { items } = await world.storage.list('event', { limit: 10 });
  assert.equal(items.length, 1);
  const { type, data } = JSON.parse(items[0]!.doc.body);
  assert.equal(type, 'export.ready');
  assert.match(items[0]!.doc.id, /^evt_[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}_ready$/);
  assert.deepEqual(
    [data.form_id, data.format, data.updated, data.rows, data.complete_to],
    [form.id, 'dataset', [dayName(3), dayName(4)], 2, (await world.datasets.get(form.id))!.completeTo],
  );
});

test('a manifest with the numbers of another store is written anew', async (t) => {
  const world = await openExportWorld(t);
  world.clock.advance(noon(20) - world.clock.now());
  const form = await world.form([{ definition }]);
  for (const day of [3, 4]) await world.respond(form.id, { message: `on ${day}` }, { at: noon(day) });
  await world.update(form.id);
  const found = (await world.storage.get('dataset', form.id))!;
  const ahead = found.doc.partitions.map((partition) => ({ ...partition, completeTo: 9_000 }));
  const doc = { ...found.doc, completeTo: 9_000, partitions: ahead };
  await world.storage.commit({ change: { op: 'update', kind: 'dataset', doc, expect: found.revision } });
  await world.respond(form.id, { message: 'new' }, { at: noon(4) });
  assert.equal((await world.update(form.id)).partitions, 2);
  assert.deepEqual(await messages(world, form.id), ['new', 'on 3', 'on 4']);
});
