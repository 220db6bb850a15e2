import assert from 'node:assert/strict';
import { mkdir, readdir, rm, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { datasetLine, verifyDatasets } from '#app/exports/dataset-verify.ts';
import { datasetArea } from '#domain/dataset/dataset.ts';
import type { BlobStore } from '#ports/blob-store.ts';
import type { Storage } from '#ports/storage.ts';
import { openExportWorld, type World } from '../support/export-world.ts';

const definition = { elements: [{ type: 'comment', name: 'message' }] };
const hour = 3_600_000;
const noon = (day: number) => Date.parse(`2026-03-${String(day).padStart(2, '0')}T12:00Z`);
const dirOf = (world: World, formId: string) => join(world.dir, 'blobs', datasetArea(formId));
const copyOf = (world: World, formId: string) => join(dirOf(world, formId), 'manifest.json');

/** A world on the 20th, with a form that has a response of each of these days. */
async function openWorld(t: Parameters<typeof openExportWorld>[0], days: number[]) {
  const world = await openExportWorld(t);
  world.clock.advance(noon(20) - world.clock.now());
  const form = await world.form([{ definition }]);
  for (const day of days) await world.respond(form.id, { message: `of ${day}` }, { at: noon(day) });
  return { world, formId: form.id };
}

/** `during`: what another process does as soon as it has been asked for the newest change, or counted, or a file was read. */
function verify(world: World, during: { newest?: () => unknown; days?: () => unknown; describe?: () => unknown } = {}) {
  const after = async <T>(result: Promise<T>, then: (() => unknown) | undefined): Promise<T> => {
    const found = await result;
    await then?.();
    return found;
  };
  const { storage, blobs, clock } = world;
  const changes: Storage['changes'] = {
    ...storage.changes,
    newest: () => after(storage.changes.newest(), during.newest),
  };
  const responses: Storage['responses'] = {
    ...storage.responses,
    days: (query) => after(storage.responses.days(query), during.days),
  };
  const describe: BlobStore['describe'] = (name) => after(blobs.describe(name), during.describe);
  const deps = { storage: { ...storage, changes, responses }, blobs: { ...blobs, describe }, clock };
  return verifyDatasets(deps, {}, () => {});
}

test('responses that come and go while it verifies are no problem, whenever they do', async (t) => {
  const { world, formId } = await openWorld(t, [3, 20]);
  await world.update(formId);
  for (const moment of ['newest', 'days', 'describe'] as const) {
    const ids: string[] = [];
    const verdict = await verify(world, {
      async [moment]() {
        ids.push(await world.respond(formId, { message: 'beside' }, { at: noon(3) + ids.length }));
        ids.push(await world.respond(formId, { message: 'of a new day' }, { at: noon(4) }));
      },
    });
    assert.ok(ids.length > 0);
    assert.deepEqual(verdict.problems, [], moment);
    await world.update(formId);
    const gone = await verify(world, {
      async [moment]() {
        const id = ids.pop();
        const found = id === undefined ? undefined : await world.storage.get('response', id);
        if (found)
          await world.storage.commit({ change: { op: 'remove', kind: 'response', id: id!, expect: found.revision } });
      },
    });
    assert.deepEqual(gone.problems, [], moment);
    await world.update(formId);
  }
});

test('a response that was counted before it was acknowledged, and so before the feed had it, is no problem', async (t) => {
  const { world, formId } = await openWorld(t, [3]);
  await world.update(formId);
  const before = await world.storage.changes.newest();
  await world.respond(formId, { message: 'in the store' }, { at: noon(3) });
  const answers = [before];
  const changes: Storage['changes'] = {
    ...world.storage.changes,
    newest: async () => answers.pop() ?? world.storage.changes.newest(),
  };
  const verdict = await verifyDatasets({ ...world, storage: { ...world.storage, changes } }, {}, () => {});
  assert.deepEqual([answers, verdict.problems, verdict.responses, verdict.waiting], [[], [], 2, 1]);
});

test('what does not add up is told although responses come in while it counts', async (t) => {
  const { world, formId } = await openWorld(t, [3, 4]);
  await world.update(formId);
  const { doc, revision } = (await world.storage.get('dataset', formId))!;
  const [first, ...others] = doc.partitions;
  const wrong = { ...doc, partitions: [{ ...first!, rows: 5 }, ...others] };
  await world.storage.commit({ change: { op: 'update', kind: 'dataset', doc: wrong, expect: revision } });
  const { problems } = await verify(world, { newest: () => world.respond(formId, { message: 'beside' }) });
  assert.match(problems[0]!, /2026-03-03 has 5 rows, and the store has 1 responses with 0 changes since/);
});

test('files of a manifest that an update has replaced since are not missed', async (t) => {
  const { world, formId } = await openWorld(t, [3, 4]);
  await world.update(formId);
  let updated = false;
  const verdict = await verify(world, {
    async describe() {
      if (updated) return;
      updated = true;
      for (const day of [3, 4]) await world.respond(formId, { message: 'later' }, { at: noon(day) });
      await world.update(formId);
      world.clock.advance(2 * hour);
      await world.respond(formId, { message: 'still later' });
      await world.update(formId);
    },
  });
  assert.deepEqual(verdict.problems, []);
});

test('a file that cannot be read is named, and all others are looked at', async (t) => {
  const { world, formId } = await openWorld(t, [3, 4]);
  const other = await world.form([{ definition }]);
  await world.respond(other.id, { message: 'of the other' }, { at: noon(3) });
  for (const id of [formId, other.id]) await world.update(id);
  const replaced: string[] = [];
  for (const id of [formId, other.id])
    for (const name of await readdir(dirOf(world, id))) {
      if (!name.endsWith('.parquet') && (id === formId || name !== 'manifest.json')) continue;
      await rm(join(dirOf(world, id), name));
      await mkdir(join(dirOf(world, id), name));
      replaced.push(`${id}: ${name} cannot be read: the disk refused (EISDIR)`);
    }
  assert.ok(replaced.length >= 3, replaced.join());
  const verdict = await verify(world);
  assert.deepEqual(verdict.problems.sort(), replaced.sort());
  assert.deepEqual([verdict.forms, verdict.responses], [2, 3]);
});

test('a form without files is counted, and named when a night has passed; neither is a problem', async (t) => {
  const { world, formId } = await openWorld(t, []);
  await world.form([{ definition }]);
  for (let i = 0; i < 3; i++) await world.respond(formId, { message: `${i}` });
  const young = await verify(world);
  assert.deepEqual([young.unexported, young.problems, young.notices], [{ forms: 1, responses: 3 }, [], []]);
  assert.match(datasetLine(young), /^exports: ok: .*; not exported yet: 3 responses of 1 forms$/);
  world.clock.advance(26 * hour);
  const old = await verify(world);
  assert.deepEqual([old.unexported, old.problems], [{ forms: 1, responses: 3 }, []]);
  assert.match(old.notices.join(), new RegExp(`^${formId}: no files, although a night has passed .* 3 responses`));
  await world.update(formId);
  const done = await verify(world);
  assert.deepEqual([done.unexported, done.notices], [{ forms: 0, responses: 0 }, []]);
  assert.doesNotMatch(datasetLine(done), /not exported/);
});

test('a copy of the manifest that is torn, gone, another or of another version is told, and an update writes it again', async (t) => {
  const { world, formId } = await openWorld(t, [3]);
  await world.update(formId);
  const copy = JSON.parse(Buffer.from((await world.blobs.read(`${datasetArea(formId)}/manifest.json`))!).toString());
  const mend = `POST /api/v1/forms/${formId}/dataset writes it again`;
  const spoilt: [spoil: () => Promise<void>, told: string][] = [
    [() => truncate(copyOf(world, formId), 40), 'manifest.json cannot be read'],
    [() => writeFile(copyOf(world, formId), '[]'), 'manifest.json cannot be read'],
    [
      () => writeFile(copyOf(world, formId), JSON.stringify({ ...copy, rows: 7 })),
      'manifest.json does not say what the manifest says',
    ],
    [
      () => writeFile(copyOf(world, formId), JSON.stringify({ ...copy, version: 9 })),
      'manifest.json is of version 9, and the manifest of version 1',
    ],
    [() => rm(copyOf(world, formId)), 'manifest.json is not there, and the manifest of version 1'],
  ];
  world.clock.advance(2 * hour);
  for (const [spoil, told] of spoilt) {
    await spoil();
    assert.deepEqual((await verify(world)).problems, [`${formId}: ${told}: ${mend}`]);
    await world.update(formId);
    assert.deepEqual((await verify(world)).problems, []);
  }
});

test('a copy of the manifest behind an update that runs is no problem; behind one that died it becomes one', async (t) => {
  const { world, formId } = await openWorld(t, [3]);
  await world.update(formId);
  for (const day of [4, 5, 6]) await world.respond(formId, { message: `of ${day}` }, { at: noon(day) });
  const stop = new AbortController();
  const progress = (done: number) => {
    if (done >= 0.9) stop.abort(new Error('enough'));
  };
  await assert.rejects(world.update(formId, { signal: stop.signal, progress }), /enough/);
  const { version } = (await world.datasets.get(formId))!;
  assert.ok(version > 1);
  const soon = await verify(world);
  assert.deepEqual(soon.problems, []);
  assert.match(soon.notices.join(), /manifest.json is of version 1, .*: an update runs, or was stopped/);
  world.clock.advance(2 * hour);
  const later = await verify(world);
  assert.match(later.problems.join(), /manifest.json is of version 1, .* writes it again/);
  assert.deepEqual(later.notices, []);
});

test('a copy that is behind only in what an update without work has moved on is the same', async (t) => {
  const { world, formId } = await openWorld(t, [3]);
  await world.update(formId);
  const { doc, revision } = (await world.storage.get('dataset', formId))!;
  const moved = { ...doc, completeTo: doc.completeTo + 1 };
  await world.storage.commit({ change: { op: 'update', kind: 'dataset', doc: moved, expect: revision } });
  assert.deepEqual((await verify(world)).problems, []);
});
