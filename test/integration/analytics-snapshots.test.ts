import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { access, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { createSnapshots } from '#adapters/analytics-duckdb/engine/snapshots.ts';
import { QueryError } from '#domain/query-error.ts';
import { openEngineWorld, visitColumns } from '../support/engine-world.ts';

type Build = (path: string) => Promise<void>;

function folderOf(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'formstead-snapshots-'));
  t.after(() => rmSync(folder, { recursive: true }));
  return folder;
}

test('two processes of one id, in containers that share the folder, make the same snapshot beside each other', async (t) => {
  const folder = folderOf(t);
  const begun = Promise.withResolvers<void>();
  const go = Promise.withResolvers<void>();
  const slow: Build = async (path) => {
    await writeFile(path, 'begun');
    begun.resolve();
    await go.promise;
    await access(path);
    await writeFile(path, 'whole');
  };
  const quick: Build = (path) => writeFile(path, 'whole', { flag: 'wx' });
  const [first, second] = [slow, quick].map((build) => createSnapshots({ folder, keep: 4, build }));
  const question = { tables: [], snapshot: '1' };
  const making = first!.hold(question).path;
  await begun.promise;
  const path = await second!.hold(question).path;
  assert.equal(readFileSync(path, 'utf8'), 'whole');
  go.resolve();
  assert.equal(await making, path);
  assert.equal(readFileSync(path, 'utf8'), 'whole');
  assert.equal(readdirSync(folder).length, 1);
});

test('a process that is killed while it makes a snapshot is replaced, and the snapshot is made from the beginning', async (t) => {
  const { folder, ask, query, pids, endings, visits } = await openEngineWorld(t);
  const tables = [
    { name: 'visits', columns: visitColumns, files: [await visits('a.parquet', 0, 300_000)], masked: [] },
  ];
  await query('SELECT 1', []);
  const asked = ask('SELECT count(*) FROM visits', tables);
  asked.catch(() => {});
  const engine = join(folder, 'engine');
  const hasTable = () =>
    readdirSync(engine).some((name) => name.endsWith('.partial.wal') && statSync(join(engine, name)).size > 0);
  for (const from = performance.now(); !hasTable(); await sleep(1)) assert.ok(performance.now() - from < 20_000);
  process.kill(pids[0]!, 'SIGKILL');
  assert.deepEqual((await asked).values, [[300_000]]);
  assert.deepEqual([pids.length, endings], [2, ['crashed']]);
});

test('what killed processes left half made goes with the next snapshot, once nobody can be making it any more', async (t) => {
  const folder = folderOf(t);
  const snapshots = createSnapshots({ folder, keep: 4, build: (path) => writeFile(path, 'whole') });
  await snapshots.prepare();
  for (const [name, age] of [
    ['old', 3_700],
    ['young', 3_500],
  ] as const) {
    const path = join(folder, `${name}.duckdb.1.partial`);
    writeFileSync(path, '');
    const at = Date.now() / 1000 - age;
    utimesSync(path, at, at);
  }
  await snapshots.hold({ tables: [], snapshot: '1' }).path;
  assert.deepEqual(
    readdirSync(folder).filter((name) => name.includes('.partial')),
    ['young.duckdb.1.partial'],
  );
});

test('a snapshot that nobody asked for within an hour goes with the next one, and one that is held stays', async (t) => {
  const folder = folderOf(t);
  const snapshots = createSnapshots({ folder, keep: 1, build: (path) => writeFile(path, 'whole') });
  const made = (snapshot: string) => snapshots.hold({ tables: [], snapshot });
  const [held, again, unheld] = [made('1'), made('1'), made('2')];
  const [first, second] = [await held.path, await unheld.path];
  again.release();
  unheld.release();
  const age = (path: string, seconds: number) =>
    utimesSync(path, Date.now() / 1000 - seconds, Date.now() / 1000 - seconds);
  age(first, 3_700);
  age(second, 3_700);
  const third = await made('3').path;
  const left = () =>
    readdirSync(folder)
      .map((name) => join(folder, name))
      .toSorted();
  assert.deepEqual(left(), [first, third].toSorted());
  held.release();
  const fourth = await made('4').path;
  assert.deepEqual(left(), [third, fourth].toSorted());
});

test('a copy for which there is too little room is not made; those that nobody reads make room for one, and go when the disk is too full', async (t) => {
  const folder = folderOf(t);
  let free = 2_500_000;
  const used = () => readdirSync(folder).reduce((sum, name) => sum + statSync(join(folder, name)).size, 0);
  const snapshots = createSnapshots({
    folder,
    keep: 4,
    build: (path) => writeFile(path, Buffer.alloc(900_000)),
    room: async () => free - used(),
  });
  const holdOf = async (snapshot: string) => {
    const held = snapshots.hold({ tables: [], snapshot });
    await held.path;
    return held;
  };
  const [one, two] = [await holdOf('1'), await holdOf('2')];
  assert.equal(readdirSync(folder).length, 2);
  const full = (err: unknown) => err instanceof QueryError && err.fault === 'disk-nearly-full';
  await assert.rejects(holdOf('too many'), full);
  assert.equal(readdirSync(folder).length, 2, 'those that are read stay');
  one.release();
  const three = await holdOf('3');
  assert.equal(readdirSync(folder).length, 2);
  three.release();
  await sleep(50);
  assert.equal(readdirSync(folder).length, 2, 'there is room: it may be asked for again');
  free = 0;
  await snapshots.tidy();
  assert.equal(readdirSync(folder).length, 1);
  two.release();
  for (const from = performance.now(); readdirSync(folder).length > 0; await sleep(1))
    assert.ok(performance.now() - from < 10_000);
});
