import assert from 'node:assert/strict';
import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { createFreshRows } from '#app/queries/fresh-rows.ts';
import { createFormTables } from '#app/queries/tables.ts';
import { removeUnusedFiles } from '#app/queries/unused-files.ts';
import { AppError } from '#domain/errors.ts';
import { planForm } from '#domain/export-rows.ts';
import type { BlobStore } from '#ports/blob-store.ts';
import { openExportWorld, type World } from '../support/export-world.ts';

const definition = { elements: [{ type: 'comment', name: 'message' }] };

async function setUp(t: Parameters<typeof openExportWorld>[0], blobs: Partial<BlobStore> = {}) {
  const world = await openExportWorld(t, { blobs });
  const form = await world.form([{ definition }]);
  const { items } = await world.storage.list('form-version', { where: { formId: form.id }, limit: 1 });
  const plan = planForm(items.map(({ doc }) => doc));
  const rows = createFreshRows({ ...world, readMs: 120_000 });
  const upTo = async (completeTo = 0, to?: number) =>
    rows.upTo({ formId: form.id, plan, withheld: new Set(), completeTo }, to ?? (await world.storage.changes.newest()));
  return { world, form, upTo, files: () => readdir(join(world.dir, 'blobs', 'fresh')) };
}
async function linesOf(paths: readonly string[]): Promise<Record<string, unknown>[]> {
  const texts = await Promise.all(paths.map((path) => readFile(path, 'utf8')));
  return texts.flatMap((text) => text.trim().split('\n')).map((line) => JSON.parse(line));
}
const messages = async (paths: readonly string[]) => (await linesOf(paths)).map((row) => row.message__text ?? 'gone');
async function erase(world: World, id: string) {
  const { revision } = (await world.storage.get('response', id))!;
  await world.storage.commit({ change: { op: 'remove', kind: 'response', id, expect: revision } });
}

test('the files grow with the feed, each change read and written once; without changes there are none', async (t) => {
  const { world, form, upTo } = await setUp(t);
  assert.deepEqual(await upTo(), { paths: [], changes: 0, longestLine: 0 });
  const a = await world.respond(form.id, { message: 'a' });
  const first = await upTo();
  assert.deepEqual([await messages(first.paths), first.changes], [['a'], 1]);
  assert.deepEqual(await upTo(), first, 'nothing has changed');
  await world.respond(form.id, { message: 'b' });
  await erase(world, a);
  await world.respond(form.id, { message: 'ß'.repeat(5000) });
  const second = await upTo();
  assert.deepEqual([await messages(second.paths), second.changes], [['a', 'b', 'gone', 'ß'.repeat(5000)], 4]);
  const bytes = (await linesOf(second.paths)).map((row) => Buffer.byteLength(JSON.stringify(row)) + 1);
  assert.ok(
    second.longestLine >= Math.max(...bytes) && first.longestLine < 5000,
    `${first.longestLine}, ${second.longestLine}`,
  );
  assert.deepEqual(await messages(first.paths), ['a'], 'whoever was given the file of before still has it');
  assert.deepEqual(
    [second.paths.length, second.paths[0]],
    [2, first.paths[0]],
    'what was written is not written again',
  );
  const numbers = (await linesOf(second.paths)).map((row) => row._changed as number);
  assert.deepEqual(
    numbers,
    numbers.toSorted((x, y) => x - y),
  );
});

test('a response that has changed since the number was asked for is there, and counts once', async (t) => {
  const { world, form, upTo } = await setUp(t);
  const ids = await Promise.all(['a', 'b', 'c'].map((message) => world.respond(form.id, { message })));
  const to = await world.storage.changes.newest();
  const change = async (id: string, message: string) => {
    const { doc, revision } = (await world.storage.get('response', id))!;
    const changed = { ...doc, answers: { message } };
    await world.storage.commit({ change: { op: 'update', kind: 'response', doc: changed, expect: revision } });
  };
  // All are behind `to` now: the feed holds each response at its newest change alone.
  for (const id of ids) await change(id, 'changed');
  const first = await linesOf((await upTo(0, to)).paths);
  assert.deepEqual(new Set(first.map((row) => row.response_id)), new Set(ids));
  assert.ok(first.every((row) => (row._changed as number) <= to));
  await change(ids[0]!, 'again');
  await erase(world, ids[1]!);
  const rows = await linesOf((await upTo()).paths);
  for (const [i, message] of ['again', 'gone', 'changed'].entries()) {
    const own = rows.filter((row) => row.response_id === ids[i]);
    const newest = own.filter((row) => row._changed === Math.max(...own.map((one) => one._changed as number)));
    assert.deepEqual(
      newest.map((row) => row.message__text ?? 'gone'),
      [message],
    );
  }
});

test('a response that changes while the feed is read is not missed', async (t) => {
  const { world, form } = await setUp(t);
  const ids: string[] = [];
  for (let i = 0; i < 1200; i++) ids.push(await world.respond(form.id, { message: `${i}` }));
  const { list, ...changes } = world.storage.changes;
  let moved = false;
  const moving: World['storage']['changes'] = {
    ...changes,
    async list(query) {
      const page = await list(query);
      // The page after this one would have held it.
      if (!moved) {
        moved = true;
        const { doc, revision } = (await world.storage.get('response', ids.at(-1)!))!;
        await world.storage.commit({ change: { op: 'update', kind: 'response', doc, expect: revision } });
      }
      return page;
    },
  };
  const rows = createFreshRows({ ...world, storage: { changes: moving }, readMs: 120_000 });
  const { items } = await world.storage.list('form-version', { where: { formId: form.id }, limit: 1 });
  const plan = planForm(items.map(({ doc }) => doc));
  const to = await world.storage.changes.newest();
  const { paths } = await rows.upTo({ formId: form.id, plan, withheld: new Set(), completeTo: 0 }, to);
  assert.deepEqual(new Set((await linesOf(paths)).map((row) => row.response_id)), new Set(ids));
});

test('questions at the same time wait for the same reading, and an older one is served by a newer', async (t) => {
  const { world, form, upTo } = await setUp(t);
  for (let i = 0; i < 5; i++) await world.respond(form.id, { message: `${i}` });
  const to = await world.storage.changes.newest();
  const found = await Promise.all([upTo(0, to), upTo(0, to), upTo(0, to - 2)]);
  assert.equal(new Set(found.map(({ paths }) => paths[0])).size, 1);
});

test('once files hold the changes only later ones are in it, and files that nobody reads go', async (t) => {
  const { world, form, upTo, files } = await setUp(t);
  await world.respond(form.id, { message: 'a' });
  await upTo();
  const completeTo = await world.storage.changes.newest();
  await world.respond(form.id, { message: 'b' });
  assert.deepEqual(await messages((await upTo(completeTo)).paths), ['b']);
  assert.equal((await files()).length, 2);
  world.clock.advance(150_000);
  await world.respond(form.id, { message: 'c' });
  assert.deepEqual(await messages((await upTo(completeTo)).paths), ['b', 'c']);
  assert.equal((await files()).length, 2, 'the first is gone; both of now are read');
});

test('files that nobody reads go although the clock was set back since', async (t) => {
  const { world, form, upTo, files } = await setUp(t);
  await world.respond(form.id, { message: 'a' });
  await upTo();
  const completeTo = await world.storage.changes.newest();
  await world.respond(form.id, { message: 'b' });
  await upTo(completeTo);
  world.clock.advance(-3_600_000);
  await world.respond(form.id, { message: 'c' });
  assert.deepEqual(await messages((await upTo(completeTo)).paths), ['b', 'c']);
  assert.equal((await files()).length, 2, 'the first is gone; both of now are read');
});

test('a file of half a day is made anew, since others may take it for left behind', async (t) => {
  const { world, form, upTo } = await setUp(t);
  await world.respond(form.id, { message: 'a' });
  const first = await upTo();
  world.clock.advance(13 * 3_600_000);
  const second = await upTo();
  assert.notDeepEqual(second.paths, first.paths);
  assert.deepEqual(await messages(second.paths), ['a']);
});

test('files that a question may be given are not taken for unused, and go a day after the last question about their form', async (t) => {
  const { world, form, upTo, files } = await setUp(t);
  // The age of a file is by the clock of the disk.
  world.clock.advance(Date.now() - world.clock.now());
  const unused = () => removeUnusedFiles(world.blobs, world.clock.now(), new AbortController().signal);
  await world.respond(form.id, { message: 'a' });
  const { paths } = await upTo();
  world.clock.advance(12 * 3_600_000 - 60_000);
  assert.equal(await unused(), 0);
  assert.deepEqual((await upTo()).paths, paths);
  world.clock.advance(11 * 3_600_000);
  assert.equal(await unused(), 0, 'a question of then has long ended');
  assert.deepEqual(await messages(paths), ['a']);
  world.clock.advance(3_600_000 + 120_000);
  assert.equal(await unused(), 1);
  assert.deepEqual(await files(), []);
  assert.deepEqual(await messages((await upTo()).paths), ['a'], 'the next question has them made anew');
});

test('an error of the disk lasts as long as the disk has it', async (t) => {
  const { world, form, upTo } = await setUp(t);
  await world.respond(form.id, { message: 'a' });
  const folder = join(world.dir, 'blobs', 'fresh');
  await writeFile(folder, 'no folder');
  for (const _ of ['once', 'twice']) await assert.rejects(upTo(), { code: 'storage-unavailable' });
  await rm(folder);
  assert.deepEqual(await messages((await upTo()).paths), ['a']);
});

test('a file of before that cannot be removed fails no question', async (t) => {
  const remove = () => Promise.reject(new AppError('storage-unavailable', { detail: 'The disk refused' }));
  const { world, form, upTo } = await setUp(t, { remove });
  await world.respond(form.id, { message: 'a' });
  await upTo();
  const completeTo = await world.storage.changes.newest();
  for (const message of ['b', 'c']) {
    await world.respond(form.id, { message });
    assert.deepEqual((await messages((await upTo(completeTo)).paths)).at(-1), message);
    world.clock.advance(150_000);
  }
});

test('more changes than a page are all there, in their order', async (t) => {
  const { world, form, upTo } = await setUp(t);
  await Promise.all(Array.from({ length: 2300 }, (_, i) => world.respond(form.id, { message: `${i}` })));
  const { paths, changes } = await upTo();
  assert.equal(changes, 2300);
  assert.equal(new Set(await messages(paths)).size, 2300);
});

test('many files become one, and whoever was given them can still read them', async (t) => {
  const { world, form, upTo, files } = await setUp(t);
  const expected: string[] = [];
  let before: readonly string[] = [];
  let most = 0;
  for (let i = 0; i < 72; i++) {
    await world.respond(form.id, { message: `${i}` });
    expected.push(`${i}`);
    const { paths, changes } = await upTo();
    assert.deepEqual([await messages(paths), changes], [expected, i + 1]);
    if (before.length > paths.length) assert.deepEqual(await messages(before), expected.slice(0, -1));
    before = paths;
    most = Math.max(most, paths.length);
  }
  assert.deepEqual([most, before.length], [64, 8]);
  world.clock.advance(150_000);
  await world.respond(form.id, { message: '72' });
  await upTo();
  assert.equal((await files()).length, 9, 'those that became one are gone');
});

test('an update that is worth it is asked for once for a state of the files, again when that failed, and no question waits for it or fails', async (t) => {
  const { world, form } = await setUp(t);
  let commit = async (): Promise<void> => {
    throw new AppError('storage-unavailable', { detail: 'The disk refused' });
  };
  const asked: number[] = [];
  const tables = createFormTables({
    ...world,
    staleMs: 1000,
    freshRows: { upTo: async () => ({ paths: [], changes: 20_001, longestLine: 0 }), forget() {} },
    async requestUpdate(_, reason) {
      if ('completeTo' in reason) asked.push(reason.completeTo);
      await commit();
    },
  });
  const askTwice = async () => {
    for (const _ of ['once', 'twice']) {
      await (await tables.of(form.id, { fresh: true })).source({});
      await setImmediate();
    }
  };
  await askTwice();
  assert.deepEqual(asked, [0, 0], 'the store takes no writes');
  const held = Promise.withResolvers<void>();
  commit = () => held.promise;
  await askTwice();
  assert.deepEqual(asked, [0, 0, 0], 'one is under way');
  held.resolve();
  await askTwice();
  assert.deepEqual(asked, [0, 0, 0]);
  world.clock.advance(3_600_000);
  await askTwice();
  assert.deepEqual(asked.splice(3), [0], 'its tries may be spent');
  await world.respond(form.id, { message: 'a' });
  await world.update(form.id);
  const { completeTo } = (await world.datasets.get(form.id))!;
  await askTwice();
  assert.deepEqual(asked, [0, 0, 0, completeTo]);
  assert.ok(completeTo > 0);
});
