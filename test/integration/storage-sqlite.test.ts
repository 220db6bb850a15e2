import assert from 'node:assert/strict';
import { execFile, execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import workerThreads, { type Worker, type WorkerOptions } from 'node:worker_threads';
import { AppError } from '#domain/errors.ts';
import type { Storage } from '#ports/storage.ts';
import { openWriter } from '../../src/adapters/storage-sqlite/connection.ts';
import { type Migration, migrate, migrations } from '../../src/adapters/storage-sqlite/migrations.ts';
import { openSqliteStorage, type SqliteOptions } from '../../src/adapters/storage-sqlite/storage.ts';
import { checkedLinks } from '../contract/storage/chain-check.ts';
import { aForm, aResponse, aTask, itsTask, newId, t0 } from '../contract/storage/documents.ts';
import { found, insert, insertion, times, unavailable } from '../contract/storage/kit.ts';
import { skipWithout } from '../support/services.ts';
import { type SqlitePlace, sqlitePlace } from '../support/sqlite-place.ts';

const limit = { timeout: 30_000 };

/** The stores that were opened in each directory: closed before it is removed. */
const stores = new Map<string, Storage[]>();

async function place(t: TestContext): Promise<SqlitePlace> {
  const made = await sqlitePlace();
  t.after(async () => {
    await Promise.all((stores.get(made.dir) ?? []).map((storage) => storage.close()));
    await made.clear();
  });
  return made;
}

async function opened(options: SqliteOptions): Promise<Storage> {
  const storage = await openSqliteStorage(options);
  stores.set(options.dir, [...(stores.get(options.dir) ?? []), storage]);
  return storage;
}

/** Refused with a sentence that says what to do. */
const refusal = (cure: RegExp) => (err: unknown) => {
  assert.ok(err instanceof AppError && err.code === 'storage-unavailable', String(err));
  assert.match(err.detail!, cure);
  return true;
};

const tablesOf = (file: string) => {
  const db = new DatabaseSync(file, { readOnly: true });
  const names = db.prepare('SELECT name FROM sqlite_schema').all();
  db.close();
  return names.map(({ name }) => name);
};

/** The file as a later release leaves it. */
function migrateFile(file: string, ...later: Migration[]): void {
  const db = openWriter(file, 'normal');
  try {
    migrate(db, [...migrations, ...later]);
  } finally {
    db.close();
  }
}
const number = migrations.at(-1)!.number + 1;
const adding: Migration = {
  number,
  compatibleWith: 1,
  about: 'forms have a colour',
  sql: "ALTER TABLE forms ADD COLUMN colour TEXT; CREATE TABLE colours (id TEXT PRIMARY KEY) STRICT; INSERT INTO colours VALUES ('red');",
};

test(
  'the writing connection keeps a write-ahead log, flushes every commit, and overwrites what is removed',
  limit,
  async (t) => {
    const { file } = await place(t);
    for (const [wish, synchronous] of [
      ['full', 2],
      ['normal', 1],
    ] as const) {
      const db = openWriter(file, wish);
      const pragma = (name: string) => Object.values(db.prepare(`PRAGMA ${name}`).get()!)[0];
      assert.equal(pragma('journal_mode'), 'wal');
      assert.equal(pragma('synchronous'), synchronous);
      assert.equal(pragma('secure_delete'), 1);
      db.close();
    }
  },
);

test('a store flushes every commit unless it is told otherwise', limit, async (t) => {
  const asked: unknown[] = [];
  const { Worker } = workerThreads;
  workerThreads.Worker = class extends Worker {
    constructor(script: URL, options: WorkerOptions) {
      super(script, options);
      if (String(script).endsWith('/writer-thread.ts')) asked.push(options.workerData.synchronous);
    }
  };
  syncBuiltinESMExports();
  t.after(() => {
    workerThreads.Worker = Worker;
    syncBuiltinESMExports();
  });
  await opened({ dir: (await place(t)).dir });
  await opened({ dir: (await place(t)).dir, synchronous: 'normal' });
  assert.deepEqual(asked, ['full', 'normal']);
});

test('a file that cannot have a write-ahead log is refused', limit, async () => {
  assert.throws(() => openWriter(':memory:', 'full'), refusal(/local disk/));
});

test('what was removed from the store is no longer in its files', limit, async (t) => {
  const { dir } = await place(t);
  const storage = await openSqliteStorage({ dir });
  const secret = 'the-secret-word-of-the-test';
  const response = aResponse({ answers: { message: secret.repeat(50) } });
  await insert(storage, 'response', response);
  await storage.commit({ change: { op: 'remove', kind: 'response', id: response.id, expect: 1 } });
  await storage.close();
  for (const name of readdirSync(dir)) {
    const { stdout } = await promisify(execFile)('grep', ['-c', secret, join(dir, name)]).catch((err) => err);
    assert.equal(String(stdout).trim(), '0', name);
  }
});

test(
  'a store is closed with everything that was asked for written, and nothing left beside its files',
  limit,
  async (t) => {
    const { dir, file } = await place(t);
    const storage = await openSqliteStorage({ dir });
    const responses = times(300, () => aResponse());
    const commits = responses.map((response) =>
      storage.commit(insertion('response', response, { tasks: [itsTask(response)] })),
    );
    await storage.close();
    assert.ok((await Promise.all(commits)).every(({ outcome }) => outcome === 'committed'));
    assert.equal(existsSync(`${file}-wal`), false);
    const again = await opened({ dir });
    assert.equal((await checkedLinks(again)).length, 300);
  },
);

test('commits that come in together share a transaction', limit, async (t) => {
  const { dir } = await place(t);
  const batches: number[] = [];
  const storage = await opened({ dir, onBatch: ({ size }) => batches.push(size) });
  await insert(storage, 'form', ...times(100, () => aForm()));
  // Sent as 8, 8, 16, 32 and 36; what has arrived when the thread looks is one transaction.
  assert.ok(batches.length <= 5, `${batches.length} transactions`);
  assert.equal(
    batches.reduce((sum, size) => sum + size),
    100,
  );
});

test('a fresh file gets the schema, and opening it again changes nothing', limit, async (t) => {
  const { dir, file } = await place(t);
  await (await openSqliteStorage({ dir })).close();
  const steps = () => {
    const db = new DatabaseSync(file, { readOnly: true });
    const rows = db.prepare('SELECT * FROM schema_steps').all();
    db.close();
    return rows;
  };
  const first = steps();
  assert.deepEqual(
    first.map((row) => row.number),
    migrations.map((step) => step.number),
  );
  await (await openSqliteStorage({ dir })).close();
  assert.deepEqual(steps(), first);
});

test('after a roll-back this release works on the file of a later one that only added', limit, async (t) => {
  const { dir, file } = await place(t);
  const storage = await openSqliteStorage({ dir });
  const form = aForm();
  await insert(storage, 'form', form);
  await storage.close();
  migrateFile(file, adding);
  const paint = new DatabaseSync(file);
  paint.prepare("UPDATE forms SET colour = 'blue' WHERE id = ?").run(form.id);
  paint.close();

  const older = await openSqliteStorage({ dir });
  const { revision, doc } = await found(older, 'form', form.id);
  await older.commit({ change: { op: 'update', kind: 'form', doc: { ...doc, title: 'new' }, expect: revision } });
  await insert(older, 'response', aResponse());
  await older.close();
  const looking = await openSqliteStorage({ dir, readOnly: true });
  assert.equal((await checkedLinks(looking)).length, 1);
  await looking.close();

  migrateFile(file, adding);
  const db = new DatabaseSync(file);
  assert.equal(db.prepare('SELECT colour FROM forms WHERE id = ?').get(form.id)?.colour, 'blue');
  assert.equal(db.prepare('SELECT count(*) AS n FROM colours').get()?.n, 1, 'a step is done once');
  db.close();
});

test(
  'a file that only later releases can work with is refused with the cure, for writing and for reading',
  limit,
  async (t) => {
    const { dir, file } = await place(t);
    await (await openSqliteStorage({ dir })).close();
    migrateFile(file, adding, { ...adding, number: number + 1, compatibleWith: number + 1, sql: 'DROP TABLE colours' });
    for (const readOnly of [false, true]) {
      await assert.rejects(
        openSqliteStorage({ dir, readOnly }),
        refusal(/Start the newer release, or restore the backup/),
      );
    }
  },
);

test('a schema change that fails leaves nothing behind, and the release before works on', limit, async (t) => {
  const { dir, file } = await place(t);
  await (await openSqliteStorage({ dir })).close();
  const before = tablesOf(file);
  assert.throws(
    () =>
      migrateFile(file, adding, { ...adding, number: number + 1, sql: 'CREATE TABLE half (id TEXT); CREATE NONSENSE' }),
    /NONSENSE/,
  );
  assert.deepEqual(tablesOf(file), [...before, 'colours', 'sqlite_autoindex_colours_1'], 'the step before it stays');
  await insert(await opened({ dir }), 'form', aForm());
});

test('what a release without the change feed keeps and changes stands in the feed afterwards', limit, async (t) => {
  const { dir, file } = await place(t);
  const response = aResponse();
  const storage = await openSqliteStorage({ dir });
  await insert(storage, 'response', response);
  const before = await storage.changes.newest();
  await storage.close();
  const db = new DatabaseSync(file);
  const all = 'id, revision, at, key, form_id, day, label, status, answers, doc, chain, seq, sha256, previous';
  const other = all.replace('id, ', `'rsp_other', `).replace('seq,', 'seq + 1,').replace('key,', 'NULL,');
  db.exec(`INSERT INTO responses (${all}) SELECT ${other} FROM responses`);
  db.exec(`UPDATE responses SET revision = 2 WHERE id = '${response.id}'`);
  db.close();
  const again = await opened({ dir });
  const to = await again.changes.newest();
  assert.equal(to, before + 2);
  const { items } = await again.changes.list({ formId: response.formId, after: before, to, limit: 10 });
  const seen = items.map((item) => 'response' in item && [item.number - before, item.revision]);
  assert.deepEqual(seen, [
    [1, 1],
    [2, 2],
  ]);
});

test('a database of before the change feed gets its numbers when it is opened', limit, async (t) => {
  const { dir, file } = await place(t);
  const storage = await openSqliteStorage({ dir });
  const responses = times(3, () => aResponse({ formId: 'frm_1' }));
  for (const response of responses) await insert(storage, 'response', response);
  await storage.close();
  const db = new DatabaseSync(file);
  db.exec(`DROP TRIGGER responses_came; DROP TRIGGER responses_went_on; DROP INDEX responses_changed; DROP TABLE feed; DROP TABLE removals;
    DROP TABLE datasets; ALTER TABLE responses DROP COLUMN changed; DELETE FROM schema_steps WHERE number = 3`);
  db.close();
  const again = await opened({ dir });
  const { items } = await again.changes.list({
    formId: 'frm_1',
    after: 0,
    to: await again.changes.newest(),
    limit: 10,
  });
  assert.deepEqual(
    items.map((item) => 'response' in item && item.response.id),
    responses.map(({ id }) => id),
  );
});

test('a second store on the same directory is refused with the cure', limit, async (t) => {
  const { dir } = await place(t);
  await opened({ dir });
  await assert.rejects(
    openSqliteStorage({ dir }),
    refusal(/Another Formstead server .* Stop it, or set FORMSTEAD_DATA_DIR/),
  );
});

test('a store that could not be opened holds no lock', limit, async (t) => {
  const { dir, file } = await place(t);
  writeFileSync(file, 'no database');
  await assert.rejects(openSqliteStorage({ dir }), unavailable);
  rmSync(file);
  await opened({ dir });
});

for (const [what, spoil] of [
  ['garbage', (file: string) => writeFileSync(file, 'no database at all '.repeat(500))],
  ['a directory', (file: string) => mkdirSync(file)],
] as const) {
  test(`${what} in the place of the database is refused with a sentence that names it`, limit, async (t) => {
    const { dir, file } = await place(t);
    spoil(file);
    for (const readOnly of [false, true]) {
      await assert.rejects(openSqliteStorage({ dir, readOnly }), (err) => {
        assert.ok(err instanceof AppError && err.code === 'storage-unavailable');
        assert.ok(err.detail!.includes(file), err.detail);
        return true;
      });
    }
  });
}

test('the database of another program is refused and left as it is', limit, async (t) => {
  const { dir, file } = await place(t);
  const other = new DatabaseSync(file);
  other.exec('CREATE TABLE bookmarks (url TEXT)');
  other.close();
  for (const readOnly of [false, true])
    await assert.rejects(openSqliteStorage({ dir, readOnly }), refusal(/not a Formstead database/));
  assert.deepEqual(tablesOf(file), ['bookmarks']);
});

test('a file in the place of the data directory is refused with the cure', limit, async (t) => {
  const { file } = await place(t);
  writeFileSync(file, '');
  await assert.rejects(openSqliteStorage({ dir: file }), refusal(/cannot be used: .* FORMSTEAD_DATA_DIR/));
});

test('a store for looking sees what a running one commits, and changes nothing', limit, async (t) => {
  const { dir } = await place(t);
  const running = await opened({ dir });
  const [before, after] = [aForm(), aForm()];
  await insert(running, 'form', before);
  const looking = await openSqliteStorage({ dir, readOnly: true });
  await found(looking, 'form', before.id);
  await insert(running, 'form', after);
  await found(looking, 'form', after.id);
  const lease = { token: 'lse_1', until: t0 };
  for (const write of [
    () => looking.commit(insertion('form', aForm())),
    () => looking.tasks.claim('tsk_1', lease, t0),
    () => looking.tasks.prune(t0, 1),
    () => looking.audit.seal([]),
    () => looking.ping(),
  ]) {
    await assert.rejects(write(), refusal(/for reading only/));
  }
  await looking.close();
  await insert(running, 'form', aForm());
});

test('a store for looking makes nothing where nothing is', limit, async (t) => {
  const { dir } = await place(t);
  await assert.rejects(openSqliteStorage({ dir, readOnly: true }), refusal(/cannot be opened/));
  assert.deepEqual(readdirSync(dir), []);
});

/** The store's threads, in the order they were started: the writer, then the reader. */
async function openedWithThreads(options: SqliteOptions) {
  const threads: Worker[] = [];
  const seen = (worker: Worker) => threads.push(worker);
  process.on('worker', seen);
  const storage = await opened(options);
  process.off('worker', seen);
  return { storage, writer: threads[0]!, reader: threads[1]! };
}

test(
  'when the writing thread dies, what waits is refused, the process is told once, and nothing is half done',
  limit,
  async (t) => {
    const { dir } = await place(t);
    const fatal: Error[] = [];
    const { storage, writer } = await openedWithThreads({ dir, onFatal: (err) => fatal.push(err) });
    const first = aResponse();
    await insert(storage, 'response', first);
    const commits = times(2000, () => storage.commit(insertion('response', aResponse(), { tasks: [aTask()] })));
    // After the first batch has gone to the thread, while the rest waits.
    setImmediate(() => void writer.terminate());
    const results = await Promise.allSettled(commits);
    const refused = results.filter((result) => result.status === 'rejected');
    assert.ok(refused.length > 0 && refused.every(({ reason }) => unavailable(reason)));
    await assert.rejects(storage.commit(insertion('form', aForm())), unavailable);
    assert.equal(fatal.length, 1);
    await found(storage, 'response', first.id);
    await storage.close();

    const again = await opened({ dir });
    const kept = new Set((await checkedLinks(again)).map(({ response }) => response.id));
    const acknowledged = results.filter((result) => result.status === 'fulfilled').length;
    assert.ok(kept.size >= acknowledged + 1, `${acknowledged + 1} acknowledged, ${kept.size} kept`);
    const depth = (await again.tasks.depths(t0)).find(({ queue }) => queue === 'default')!;
    assert.equal(depth.pending, kept.size - 1, 'as many tasks as responses');
  },
);

test('when the reading thread dies, reads that wait are refused and the process is told', limit, async (t) => {
  const { dir } = await place(t);
  const fatal: Error[] = [];
  const { storage, reader } = await openedWithThreads({ dir, onFatal: (err) => fatal.push(err) });
  const reads = times(50, () => storage.get('form', newId('frm')));
  void reader.terminate();
  const results = await Promise.allSettled(reads);
  for (const result of results) assert.ok(result.status === 'fulfilled' || unavailable(result.reason));
  await assert.rejects(storage.get('form', 'x'), unavailable);
  assert.equal(fatal.length, 1);
});

test('a read that SQLite refuses is refused alone', limit, async (t) => {
  const { dir } = await place(t);
  const storage = await opened({ dir });
  const form = aForm();
  await insert(storage, 'form', form);
  const [bad, good] = await Promise.allSettled([
    storage.list('form', { limit: 0.5 as number }),
    storage.get('form', form.id),
  ]);
  assert.ok(bad.status === 'rejected' && unavailable(bad.reason));
  assert.equal(good.status, 'fulfilled');
});

/** What the child program tells; it checks by itself that nothing is lost or half there. */
async function fillDisk(command: string, args: string[]) {
  const { stdout } = await promisify(execFile)(command, args, {
    timeout: 25_000,
    // Half a coverage file, cut off by the limit, would spoil the report of the whole run.
    env: { ...process.env, NODE_V8_COVERAGE: '' },
  });
  return JSON.parse(stdout.trim().split('\n').at(-1)!);
}
const program = fileURLToPath(new URL('../support/full-disk-child.ts', import.meta.url));

function works(command: string, ...args: string[]): boolean {
  try {
    execFileSync(command, args, { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

test('a store whose files cannot grow refuses commits, loses nothing, and goes on once they can', limit, async (t) => {
  if (!works('prlimit', '--version')) return skipWithout(t, 'prlimit (util-linux) is not installed');
  const { dir } = await place(t);
  const facts = await fillDisk(process.execPath, [program, dir, 'limit']);
  assert.deepEqual(facts.codes, ['storage-unavailable']);
  assert.ok(facts.keptUntilFull > 5);
  assert.equal(facts.keptAfter, 5);
});

test('a store whose disk is full refuses commits, loses nothing, and goes on once there is room', limit, async (t) => {
  const { dir } = await place(t);
  const mounted = (script: string) => [
    '--map-root-user',
    '--mount',
    'sh',
    '-c',
    `mount -t tmpfs -o size=6m none "$0" && ${script}`,
    dir,
  ];
  if (!works('unshare', ...mounted('true')))
    return skipWithout(t, 'no small file system can be mounted here (unshare)');
  const facts = await fillDisk('unshare', [...mounted('exec "$@"'), process.execPath, program, dir, 'disk']);
  assert.deepEqual(facts, {
    keptUntilFull: facts.keptUntilFull,
    keptAfter: 5,
    codes: ['storage-unavailable'],
    ballastGone: true,
  });
  assert.ok(facts.keptUntilFull > 5);
});
