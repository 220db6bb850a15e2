import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statfsSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { openSqliteStorage } from '../../src/adapters/storage-sqlite/storage.ts';
import { directory, formstead, publish, send, served, started } from '../support/command-line.ts';
import { openExportWorld } from '../support/export-world.ts';
import { eventually, testEnvironment, tokenOf, verdictOn } from '../support/program.ts';

test('verify ends with 1 and says where when an answer was changed behind our back', async (t) => {
  const dir = directory(t);
  const env = testEnvironment(dir);
  const server = await served(t, env);
  const form = await publish(server.url);
  const { body } = await send(server.url, form, 'as it was sent');
  await send(server.url, form, 'another one');
  await eventually(async () => (await verdictOn(env)).pending === 0);
  server.signal('SIGTERM');
  await server.gone;
  const good = await formstead(['verify', '--json'], env);
  assert.equal(good.code, 0);
  assert.deepEqual([JSON.parse(good.stdout).problems, JSON.parse(good.stdout).responses], [[], 2]);

  const tamper = (sql: string) => {
    const database = new DatabaseSync(join(dir, 'formstead.sqlite'));
    const { changes } = database.prepare(sql).run(body.response_id);
    database.close();
    assert.equal(Number(changes), 1);
  };
  tamper(
    `UPDATE responses SET doc = replace(doc, 'as it was sent', 'as it was not'), answers = replace(answers, 'as it was sent', 'as it was not') WHERE id = ?`,
  );
  const changed = await formstead(['verify'], env);
  assert.equal(changed.code, 1);
  assert.match(changed.stderr, new RegExp(`${body.response_id}: the answers are not the ones that were acknowledged`));
  assert.match(changed.stdout, /^verify: \d+ PROBLEMS: /);
  tamper('DELETE FROM responses WHERE id = ?');
  const removed = await formstead(['verify'], env);
  assert.equal(removed.code, 1);
  assert.match(removed.stderr, /a response is missing|does not continue/);
});

test('an export is written to a file whole or not at all, beside a running server', async (t) => {
  const dir = directory(t);
  const env = testEnvironment(dir);
  const server = await served(t, env);
  const form = await publish(server.url);
  for (const message of ['one', '=cmd()', 'drei, "vier"']) await send(server.url, form, message);
  await eventually(async () => (await verdictOn(env)).pending === 0);
  const out = (name: string) => join(dir, name);
  const write = (name: string, ...more: string[]) => formstead(['export', '--out', out(name), ...more], env);
  const [jsonl, csv, parquet, none, unknown, format] = await Promise.all([
    write('a.jsonl.gz', '--form', 'contact'),
    write('a.csv', '--form', form, '--format', 'csv'),
    write('a.parquet', '--format', 'parquet'),
    write('none.csv', '--format', 'csv', '--to', '2026-01-01'),
    write('b.csv', '--form', 'nowhere'),
    write('b.xml', '--format', 'xml'),
  ]);
  for (const { code, stdout, stderr } of [jsonl, csv, parquet]) {
    assert.deepEqual([code, stderr], [0, '']);
    assert.match(stdout, /^3 rows in /);
  }
  const rows = gunzipSync(readFileSync(out('a.jsonl.gz')))
    .toString('utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  assert.equal(rows.length, 3);
  assert.ok(
    rows.some((row) => JSON.stringify(row).includes('drei, \\"vier\\"')),
    JSON.stringify(rows),
  );
  assert.match(readFileSync(out('a.csv'), 'utf8'), /'=cmd\(\)/, 'a formula is made harmless');
  assert.equal(readFileSync(out('a.parquet')).subarray(0, 4).toString(), 'PAR1');
  assert.match(none.stdout, /^0 rows in /);
  assert.deepEqual([unknown.code, format.code], [1, 1]);
  assert.match(unknown.stderr, /no form with the id or slug nowhere/);
  assert.match(format.stderr, /jsonl, parquet, csv|parquet/);
  writeFileSync(out('mine.csv'), 'mine');
  const kept = await write('mine.csv', '--format', 'csv');
  assert.equal(kept.code, 1);
  assert.equal(readFileSync(out('mine.csv'), 'utf8'), 'mine');
});

test('the export command leaves a file that is there as it is, whatever goes wrong, and nothing unfinished beside it', async (t) => {
  const dir = directory(t);
  const data = join(dir, 'data');
  await (await openSqliteStorage({ dir: data })).close();
  const env = { ...testEnvironment(data), FORMSTEAD_SECRET_KEY: 'nine-lanterns-over-the-quiet-harbour-at-5' };
  const out = join(dir, 'precious');
  writeFileSync(out, 'precious');

  for (const args of [
    ['--form', 'no-such-form', '--format', 'csv'],
    ['--format', 'csv'],
    ['--format', 'jsonl'],
    ['--format', 'parquet'],
  ]) {
    const { code, stderr } = await formstead(['export', '--out', out, ...args], env);
    assert.equal(code, 1, stderr);
    assert.match(stderr, /is there already|There is no form/);
    assert.equal(readFileSync(out, 'utf8'), 'precious', args.join(' '));
  }
  const written = await formstead(['export', '--out', join(dir, 'new.csv'), '--format', 'csv'], env);
  assert.equal(written.code, 0, written.stderr);
  assert.match(readFileSync(join(dir, 'new.csv'), 'utf8'), /^response_id,/);
  const refused = await formstead(['export', '--out', join(dir, 'other'), '--form', 'no-such-form'], env);
  assert.equal(refused.code, 1);
  assert.deepEqual(readdirSync(dir).sort(), ['data', 'new.csv', 'precious']);
});

test('export and sql say what to write where a time or a place cannot be used', async (t) => {
  const dir = directory(t);
  const data = join(dir, 'data');
  await (await openSqliteStorage({ dir: data })).close();
  const env = { ...testEnvironment(data), FORMSTEAD_SECRET_KEY: 'nine-lanterns-over-the-quiet-harbour-at-5' };
  const file = join(dir, 'file');
  writeFileSync(file, '');
  const fresh = join(dir, 'x');
  const sql = ['sql', '--table', 't=contact', '--format'];
  const wrong: [args: string[], said: RegExp][] = [
    [['export', '--out', fresh, '--from', '11/27'], /--from must be a time .* such as 2026-11-22T09:00:00Z, or a day/],
    [['export', '--out', fresh, '--to', '1'], /--to must be a time/],
    [['export', '--out', join(dir, 'no', 'such', 'x')], /There is no folder .*\/no\/such; make it/],
    [['export', '--out', join(file, 'x')], /There is no folder .*\/file; make it/],
    [[...sql, 'json', '--out', join(dir, 'no', 'x'), 'SELECT 1'], /There is no folder .*\/no; make it/],
    [[...sql, 'csv', '--out', join(dir, 'no', 'x'), 'SELECT 1'], /There is no folder .*\/no; make it/],
    [[...sql, 'json', '--out', file, 'SELECT 1'], /is there already; choose another name/],
  ];
  for (const [args, said] of wrong) {
    const { code, stderr } = await formstead(args, env);
    assert.equal(code, 1, args.join(' '));
    assert.match(stderr, said);
    assert.match(stderr, /^formstead: [^\n]*\n$/, 'a sentence and no stack');
  }
  const day = await formstead(
    ['export', '--out', fresh, '--from', '2026-11-22', '--to', '2026-11-23T00:00:00+01:00'],
    env,
  );
  assert.deepEqual([day.code, day.stderr], [0, '']);
});

/** Free bytes for this user. */
const freeOf = (path: string) => {
  const { bavail, bsize } = statfsSync(path);
  return bavail * bsize;
};

test('the export command leaves the reserve free on the disk that it writes to', async (t) => {
  const world = await openExportWorld(t);
  const form = await world.form([{ definition: { elements: [{ type: 'comment', name: 'message' }] } }]);
  await world.respond(form.id, { message: 'hello' }, { at: Date.now() });
  const memory = '/dev/shm';
  if (!existsSync(memory) || statSync(memory).dev === statSync(world.dir).dev) return t.skip('there is one disk only');
  const other = mkdtempSync(join(memory, 'formstead-'));
  t.after(() => rmSync(other, { recursive: true }));
  const [here, there] = [freeOf(world.dir), freeOf(other)];
  if (Math.abs(here - there) < 200e6) return t.skip('both disks have as much free');
  const env = {
    ...testEnvironment(world.dir),
    FORMSTEAD_SECRET_KEY: 'nine-lanterns-over-the-quiet-harbour-at-5',
    // One of both has it.
    FORMSTEAD_DISK_RESERVE: `${Math.round((here + there) / 2e6)}MB`,
  };
  const write = (folder: string) => formstead(['export', '--out', join(folder, 'all.csv'), '--format', 'csv'], env);
  const [full, empty] = here < there ? [world.dir, other] : [other, world.dir];
  assert.deepEqual(await write(empty), { code: 0, stdout: `1 rows in ${join(empty, 'all.csv')}\n`, stderr: '' });
  const refused = await write(full);
  assert.equal(refused.code, 1);
  assert.match(
    refused.stderr,
    /\d MB are free on the disk that the export is written to, where \d+ MB stay free for responses/,
  );
});

test('an export or a question that is stopped by whatever signal leaves no answers behind', {
  timeout: 60_000,
}, async (t) => {
  const world = await openExportWorld(t);
  const form = await world.form([{ definition: { elements: [{ type: 'comment', name: 'message' }] } }]);
  for (let i = 0; i < 6; i++)
    await Promise.all(
      Array.from({ length: 500 }, () => world.respond(form.id, { message: 'hello' }, { at: Date.now() })),
    );
  const env = { ...testEnvironment(world.dir), FORMSTEAD_SECRET_KEY: 'nine-lanterns-over-the-quiet-harbour-at-5' };
  const out = directory(t);
  const endless = 'SELECT sum(hash(r.range)) FROM t, range(100000000000) r';
  const before = readdirSync(world.dir);
  const ownFolders = () => readdirSync(world.dir).filter((name) => name.startsWith('sql-'));
  for (const signal of ['SIGTERM', 'SIGHUP'] as const) {
    const writing = started(t, ['export', '--out', join(out, 'all.parquet'), '--format', 'parquet'], env);
    await eventually(async () => readdirSync(out).find((name) => name.endsWith('.rows')));
    writing.kill(signal);
    const { code, stderr } = await writing.gone;
    assert.deepEqual([code, stderr], [1, 'formstead: stopped; nothing was written\n']);
    assert.deepEqual(readdirSync(out), []);
    const asking = started(t, ['sql', '--table', `t=${form.slug}`, endless], env);
    await eventually(async () => ownFolders()[0]);
    asking.kill(signal);
    assert.equal((await asking.gone).code, 1);
    assert.deepEqual(ownFolders(), []);
  }
  assert.deepEqual(readdirSync(world.dir), before);
});

test('the examples of formstead sql do what they say as they are written', async (t) => {
  const dir = directory(t);
  const env = testEnvironment(dir);
  const server = await served(t, env);
  await publish(server.url);
  await send(server.url, 'contact', 'hello');
  await eventually(async () => (await verdictOn(env)).pending === 0);
  const page = readFileSync(new URL('../../docs/reference/cli.md', import.meta.url), 'utf8');
  const examples = page.match(/(?<=^ {2}\$ formstead )sql .*$/gm)!;
  assert.equal(examples.length, 2);
  for (const example of examples) {
    // What a shell makes of it.
    const words = execFileSync('sh', ['-c', `printf '%s\\0' ${example}`], { encoding: 'utf8' });
    const done = await formstead(words.split('\0').slice(0, -1), env, '', dir);
    assert.deepEqual([done.code, done.stderr], [0, ''], example);
    if (example === examples[0]) assert.match(done.stdout, /^label +count/);
  }
  // Whether it has a row depends on the day of the test.
  assert.match(readFileSync(join(dir, 'november.csv'), 'utf8'), /^response_id,.*message__text/);
  const two = ['sql', '--table', 'a=contact', '--table', 'b=contact', '--param', 'x=1', '--param', 'y=2'];
  const both = await formstead(
    [...two, 'SELECT a.message__text, $x + $y AS sum FROM a JOIN b USING (response_id)'],
    env,
  );
  assert.deepEqual([both.code, both.stdout], [0, 'message__text  sum\nhello            3\n'], both.stderr);
});

test('the export command takes in what was accepted before the clock was set back', async (t) => {
  const world = await openExportWorld(t);
  const form = await world.form([{ definition: { elements: [{ type: 'comment', name: 'message' }] } }]);
  await world.respond(form.id, { message: 'now' }, { at: Date.now() });
  await world.respond(form.id, { message: 'ahead' }, { at: Date.now() + 86_400_000 });
  const env = { ...testEnvironment(world.dir), FORMSTEAD_SECRET_KEY: 'nine-lanterns-over-the-quiet-harbour-at-5' };
  const out = join(world.dir, 'all.csv');
  const { code, stdout, stderr } = await formstead(['export', '--out', out, '--format', 'csv'], env);
  assert.deepEqual([code, stderr], [0, '']);
  assert.match(stdout, /^2 rows in /);
});

test('users are added, listed, disabled and given passwords on a stopped server', async (t) => {
  const env = testEnvironment(directory(t));
  const user = (args: string[], input?: string) => formstead(['user', ...args], env, input);
  const added = await user(
    ['add', 'Eve@Example.org', '--role', 'analyst', '--name', 'Eve', '--password-stdin'],
    'lantern-orbit-meadow-42\n',
  );
  assert.deepEqual([added.code, added.stderr], [0, '']);
  assert.match(added.stdout, /^usr_\S+ eve@example\.org analyst\n$/);
  const generated = await user(['add', 'bob@example.org']);
  const password = /^password: (\S{20,})$/m.exec(generated.stdout)![1]!;
  const refusals = [
    await user(['add', 'eve@example.org']),
    await user(['add', 'x@example.org', '--password-stdin'], 'short\n'),
    await user(['password', 'nobody@example.org']),
  ];
  for (const { code, stderr } of refusals) {
    assert.equal(code, 1);
    assert.match(stderr, /^formstead: /);
  }
  const changed = await user(['password', 'eve@example.org', '--password-stdin'], 'velvet-canyon-tulip-77\n');
  assert.equal(changed.code, 0);
  await user(['disable', 'bob@example.org']);
  const { stdout } = await user(['list']);
  assert.match(stdout, /^usr_\S+ active +analyst +eve@example\.org$/m);
  assert.match(stdout, /^usr_\S+ disabled +viewer +bob@example\.org$/m);

  const server = await served(t, env);
  assert.ok(await tokenOf(server.url, { email: 'eve@example.org', password: 'velvet-canyon-tulip-77' }));
  await assert.rejects(
    tokenOf(server.url, { email: 'eve@example.org', password: 'lantern-orbit-meadow-42' }),
    /login-failed/,
  );
  await assert.rejects(tokenOf(server.url, { email: 'bob@example.org', password }), /login-failed/);
});

test('doctor finds nothing wrong with a machine that is fine, and says what a broken one needs', async (t) => {
  const dir = directory(t);
  const env = testEnvironment(join(dir, 'data'));
  const [fine, settings] = await Promise.all([
    formstead(['doctor'], env),
    formstead(['doctor', '--settings'], { ...env, FORMSTEAD_SECRET_KEY: 's'.repeat(40) }),
  ]);
  assert.equal(fine.code, 0, fine.stdout);
  assert.match(fine.stdout, /Nothing keeps Formstead from running here/);
  assert.match(fine.stdout, /an fsync takes/);
  assert.match(settings.stdout, /FORMSTEAD_SECRET_KEY +set \(secret\)/);
  assert.ok(!settings.stdout.includes('sss'));
  writeFileSync(join(dir, 'file'), '');
  const broken = await Promise.all([
    formstead(['doctor'], { ...env, FORMSTEAD_DATA_DIR: join(dir, 'file') }),
    formstead(['doctor'], { ...env, FORMSTEAD_DISK_RESERVE: '1TB' }),
  ]);
  assert.match(broken[0].stdout, /fault .*file is a file/);
  assert.match(broken[1].stdout, /fault .*responses would be refused/);
  for (const { code, stdout } of broken) {
    assert.equal(code, 1);
    assert.match(stdout, /1 thing must be mended first/);
  }
});

test('whoever holds the lock of the data directory removes at its start what others left half-written', async (t) => {
  const dir = directory(t);
  await (await openSqliteStorage({ dir })).close();
  const staging = join(dir, 'blobs', '.staging');
  mkdirSync(staging, { recursive: true });
  writeFileSync(join(staging, 'left.jsonl'), 'rows');
  const env = { ...testEnvironment(dir), FORMSTEAD_SECRET_KEY: 'nine-lanterns-over-the-quiet-harbour-at-5' };
  const { code, stderr } = await formstead(['user', 'list'], env);
  assert.equal(code, 0, stderr);
  assert.deepEqual(readdirSync(staging), []);
});

test('a command that cannot open all of the data directory says so and ends', { timeout: 30_000 }, async (t) => {
  const dir = directory(t);
  await (await openSqliteStorage({ dir })).close();
  writeFileSync(join(dir, 'blobs'), 'a file where a folder belongs');
  const env = { ...testEnvironment(dir), FORMSTEAD_SECRET_KEY: 'nine-lanterns-over-the-quiet-harbour-at-5' };
  // A command that writes: those that only look do without the blobs.
  const { code, stderr } = await formstead(['user', 'list'], env);
  assert.equal(code, 1);
  const path = join(dir, 'blobs', '.staging');
  assert.equal(
    stderr,
    `formstead: The disk refused: ENOTDIR: not a directory, mkdir '${path}'. A file stands where a folder belongs: move it away.\n`,
  );
  const serve = await formstead(['serve'], env);
  assert.equal(serve.code, 78);
  assert.equal(serve.stderr, stderr.replace('formstead:', 'Formstead cannot start:'));
});

test('every command explains itself, and a command that is not there is an error', async () => {
  const commands = [[], ['serve'], ['verify'], ['demo'], ['export'], ['user'], ['user', 'add'], ['doctor']];
  const pages = await Promise.all(commands.map((command) => formstead([...command, '--help'])));
  for (const [i, { code, stdout, stderr }] of pages.entries()) {
    assert.deepEqual([code, stderr], [0, ''], commands[i]!.join(' '));
    assert.match(stdout, /^Usage: formstead/);
  }
  for (const name of ['serve', 'verify', 'demo', 'export', 'user', 'doctor'])
    assert.match(pages[0]!.stdout, new RegExp(`^ +${name}`, 'm'));
  assert.match((await formstead(['--version'])).stdout, /^\d+\.\d+\.\d+\n$/);
  for (const wrong of [['nonsense'], ['serve', '--nonsense'], ['export']]) {
    const { code, stderr } = await formstead(wrong);
    assert.notEqual(code, 0);
    assert.match(stderr, /error: /);
  }
});
