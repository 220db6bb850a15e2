import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { datasetArea } from '#domain/dataset/dataset.ts';
import { openExportWorld, type Row, readLines, readParquet, type World } from '../support/export-world.ts';

/* What changes while an update runs, or between one that was interrupted and the next. */

const elements = [
  { type: 'text', name: 'pin' },
  { type: 'comment', name: 'message' },
];
const open = { elements };
const closed = { elements: [{ type: 'text', name: 'pin', inputType: 'password' }, elements[1]] };
const longer = { elements: [...elements, { type: 'text', name: 'city' }] };
const noon = (day: number) => Date.parse(`2026-03-${String(day).padStart(2, '0')}T12:00Z`);
const dayName = (day: number) => `2026-03-${String(day).padStart(2, '0')}`;
const days = [3, 4, 5, 6];

/** A form with a response on each of four days. */
async function fourDays(world: World) {
  world.clock.advance(noon(20) - world.clock.now());
  const form = await world.form([{ definition: open }]);
  for (const day of days)
    await world.respond(form.id, { message: `on ${day}`, pin: `secret${day}` }, { at: noon(day) });
  return form.id;
}

/** An update that ends when it has written the rows of three of them: some are in the manifest then, not all. */
async function interrupted(update: (signal: AbortSignal, progress: (fraction: number) => void) => Promise<unknown>) {
  const stop = new AbortController();
  const enough = (fraction: number) => fraction >= 0.75 && stop.abort(new Error('enough'));
  await assert.rejects(update(stop.signal, enough), /enough/);
}

const folderOf = (world: World, formId: string) => join(world.dir, 'blobs', datasetArea(formId));
const besideOf = async (world: World, formId: string) =>
  JSON.parse(await readFile(join(folderOf(world, formId), 'manifest.json'), 'utf8'));

async function rowsOf(world: World, formId: string): Promise<Row[]> {
  const rows: Row[] = [];
  for (const { parquet, jsonl } of (await world.datasets.get(formId))!.partitions) {
    const lines = await readLines(join(folderOf(world, formId), jsonl.name));
    assert.equal((await readParquet(join(folderOf(world, formId), parquet.name))).rows.length, lines.length);
    rows.push(...lines);
  }
  return rows;
}

test('a question that becomes a password leaves every file, also when the update that takes it out is interrupted', async (t) => {
  const world = await openExportWorld(t);
  const formId = await fourDays(world);
  await world.update(formId);
  await world.publish(formId, closed);
  await interrupted((signal, progress) => world.update(formId, { signal, progress }));
  assert.match(JSON.stringify(await rowsOf(world, formId)), /secret/);
  await world.update(formId);
  assert.doesNotMatch(JSON.stringify(await rowsOf(world, formId)), /secret/);
  assert.equal((await world.update(formId)).partitions, 0);
});

test('a response to a version that is published while an update runs is in the files with its answers', async (t) => {
  const world = await openExportWorld(t);
  const formId = await fourDays(world);
  let meanwhile: Promise<unknown> | undefined;
  const publish = async () => {
    await world.publish(formId, longer);
    await world.respond(formId, { message: 'late', city: 'Ulm' }, { version: 2, at: noon(6) });
  };
  const progress = () => {
    meanwhile ??= publish();
  };
  await world.update(formId, { progress });
  await meanwhile;
  await world.update(formId);
  const cities = (await rowsOf(world, formId)).filter(({ city__text }) => city__text !== undefined);
  assert.deepEqual(
    cities.map(({ message__text, city__text }) => [message__text, city__text]),
    [['late', 'Ulm']],
  );
});

test('the manifest says of each partition whose columns it has', async (t) => {
  const world = await openExportWorld(t);
  const formId = await fourDays(world);
  await world.update(formId);
  await world.publish(formId, longer);
  await world.respond(formId, { message: 'new', city: 'Ulm' }, { version: 2, at: noon(7) });
  await world.update(formId);
  const { partitions } = await besideOf(world, formId);
  assert.deepEqual(
    partitions.map((partition: { form_version: number }) => partition.form_version),
    [1, 1, 1, 1, 2],
  );
});

test('a rebuild that was interrupted goes on, and another one writes all again', async (t) => {
  const world = await openExportWorld(t);
  const formId = await fourDays(world);
  await world.update(formId);
  const rebuild = async (taskId: string, signal: AbortSignal, progress: (fraction: number) => void = () => {}) => {
    const { cause } = await world.claim(taskId);
    return world.datasets.update(cause, formId, { rebuild: true, signal, progress });
  };
  const { taskId } = await world.datasets.request(world.caller, formId, { rebuild: true });
  await interrupted((signal, progress) => rebuild(taskId, signal, progress));
  await world.storage.tasks.voidLeases(world.clock.now());
  const left = (await rebuild(taskId, new AbortController().signal)).partitions;
  assert.ok(left > 0 && left < 4, `${left} of 4 were written`);
  const again = await world.datasets.request(world.caller, formId, { rebuild: true });
  assert.equal((await rebuild(again.taskId, new AbortController().signal)).partitions, 4);
  assert.equal((await world.update(formId)).partitions, 0);
});

test('an update after one that was interrupted tells of what both have written', async (t) => {
  const world = await openExportWorld(t);
  world.wanted.add('export.ready');
  const formId = await fourDays(world);
  await interrupted((signal, progress) => world.update(formId, { signal, progress }));
  await world.update(formId);
  await world.respond(formId, { message: 'more' }, { at: noon(4) });
  await world.update(formId);
  const { items } = await world.storage.list('event', { limit: 10 });
  assert.deepEqual(
    items.map(({ doc }) => JSON.parse(doc.body).data.updated),
    [days.map(dayName), [dayName(4)]],
  );
});

test('an update that finds nothing to do leaves the copy of a manifest that another one has committed meanwhile', async (t) => {
  let meanwhile: (() => Promise<void>) | undefined;
  const world = await openExportWorld(t);
  const formId = await fourDays(world);
  await world.update(formId);
  const { write } = world.blobs;
  world.blobs.write = async (...args) => {
    const before = meanwhile;
    meanwhile = undefined;
    await before?.();
    await write(...args);
  };
  meanwhile = async () => {
    await world.respond(formId, { message: 'more' }, { at: noon(7) });
    await world.update(formId);
  };
  await world.update(formId);
  const { version } = (await world.datasets.get(formId))!;
  assert.equal((await besideOf(world, formId)).version, version);
});

test('files of a manifest that is ahead of the feed can be read for an hour more', async (t) => {
  const world = await openExportWorld(t);
  const formId = await fourDays(world);
  world.clock.advance(Date.now() - world.clock.now());
  await world.update(formId);
  const before = await readdir(folderOf(world, formId));
  const { doc, revision } = (await world.storage.get('dataset', formId))!;
  await world.storage.commit({
    change: { op: 'update', kind: 'dataset', doc: { ...doc, completeTo: 5000 }, expect: revision },
  });
  world.clock.advance(25 * 3_600_000);
  await world.update(formId);
  const now = new Set(await readdir(folderOf(world, formId)));
  assert.deepEqual(
    before.filter((name) => !now.has(name)),
    [],
  );
  world.clock.advance(2 * 3_600_000);
  await world.update(formId);
  // Of the month that is over, and the manifest.
  assert.equal((await readdir(folderOf(world, formId))).length, 3);
});

test('an update that halts before it begins does not take the manifest of a quicker one for that of another store', async (t) => {
  const world = await openExportWorld(t);
  const formId = await fourDays(world);
  const other = await world.form([{ definition: open }]);
  await world.update(formId);
  const before = (await world.datasets.get(formId))!;
  const { changes } = world.storage;
  const { newest } = changes;
  changes.newest = async () => {
    changes.newest = newest;
    const number = await newest();
    await world.respond(other.id, { message: 'of another form' });
    await world.update(formId);
    return number;
  };
  assert.equal((await world.update(formId)).partitions, 0);
  const after = (await world.datasets.get(formId))!;
  assert.deepEqual(after.partitions, before.partitions);
  assert.ok(after.completeTo > before.completeTo);
});
