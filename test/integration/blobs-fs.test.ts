import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmod, mkdtemp, readdir, readFile, rm, stat, truncate, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { promisify } from 'node:util';
import { openFileBlobs } from '#adapters/blobs-fs/blobs.ts';
import { AppError } from '#domain/errors.ts';
import { until } from '../support/task-world.ts';

const clock = { now: () => Date.now() };
const sha256 = (data: string | Uint8Array) => createHash('sha256').update(data).digest('hex');

async function opened(t: TestContext) {
  const directory = await mkdtemp(join(tmpdir(), 'blobs-'));
  t.after(async () => {
    await chmod(directory, 0o700);
    await rm(directory, { recursive: true });
  });
  return { directory, blobs: await openFileBlobs({ directory, clock }) };
}

async function collect(chunks: AsyncIterable<Uint8Array>): Promise<string> {
  const parts: Uint8Array[] = [];
  for await (const chunk of chunks) parts.push(chunk);
  return Buffer.concat(parts).toString();
}

test('what was written is read back, described and listed', async (t) => {
  const { blobs } = await opened(t);
  await blobs.write('exports/b.jsonl', Buffer.from('second'));
  await blobs.write('exports/a.jsonl', Buffer.from('first'));
  assert.equal(Buffer.from((await blobs.read('exports/a.jsonl'))!).toString(), 'first');
  assert.deepEqual(await blobs.describe('exports/b.jsonl'), { bytes: 6, sha256: sha256('second') });
  const listed = await blobs.list('exports');
  assert.deepEqual(
    listed.map(({ name, bytes }) => [name, bytes]),
    [
      ['exports/a.jsonl', 5],
      ['exports/b.jsonl', 6],
    ],
  );
  for (const { at } of listed) assert.ok(Math.abs(Date.now() - at) < 60_000, 'when it was written');
  assert.equal((await readFile(blobs.pathOf('exports/a.jsonl'))).toString(), 'first');
});

test('what is not there is undefined, an empty list, or nothing to remove', async (t) => {
  const { blobs } = await opened(t);
  assert.equal(await blobs.read('exports/none'), undefined);
  assert.equal(await blobs.describe('exports/none'), undefined);
  assert.deepEqual(await blobs.list('exports'), []);
  await blobs.remove('exports/none');
});

test('what need not be durable appears whole under its name all the same, and takes the place of what was there', async (t) => {
  const { directory, blobs } = await opened(t);
  for (const text of ['old', 'new']) {
    await blobs.write('fresh/rows', Buffer.from(text), { durable: false });
    assert.equal(await readFile(join(directory, 'fresh/rows'), 'utf8'), text);
  }
  assert.deepEqual(await readdir(join(directory, '.staging')), []);
});

test('writing a name again replaces it, and its description follows', async (t) => {
  const { blobs } = await opened(t);
  await blobs.write('heads/h', Buffer.from('old'));
  assert.equal((await blobs.describe('heads/h'))?.sha256, sha256('old'));
  await blobs.write('heads/h', Buffer.from('new'));
  assert.equal((await blobs.describe('heads/h'))?.sha256, sha256('new'));
  await blobs.remove('heads/h');
  assert.equal(await blobs.describe('heads/h'), undefined);
});

test('a name that could lead out of the folder is refused', async (t) => {
  const { blobs } = await opened(t);
  const bad = [
    '../x',
    'a/../b',
    'a',
    '/a/b',
    'a//b',
    'a/b/c',
    'a/.b',
    '.staging/b',
    'A/b',
    'a/b\0',
    'a\\b/c',
    'a/',
    `a/${'x'.repeat(300)}`,
  ];
  for (const name of bad) {
    await assert.rejects(async () => blobs.write(name, Buffer.from('x')), TypeError, name);
    await assert.rejects(async () => blobs.read(name), TypeError, name);
    await assert.rejects(async () => blobs.stage(name), TypeError, name);
    await assert.rejects(collect(blobs.stream(name)), TypeError, name);
  }
  await assert.rejects(async () => blobs.list('..'), TypeError);
  await assert.rejects(async () => blobs.list('.staging'), TypeError);
});

test('a range gives exactly its bytes, both ends included', async (t) => {
  const { blobs } = await opened(t);
  await blobs.write('exports/r', Buffer.from('0123456789'));
  assert.equal(await collect(blobs.stream('exports/r')), '0123456789');
  assert.equal(await collect(blobs.stream('exports/r', { start: 2, end: 4 })), '234');
  assert.equal(await collect(blobs.stream('exports/r', { start: 8, end: 99 })), '89');
  const outside = (error: unknown) => error instanceof AppError && error.code === 'range-not-satisfiable';
  await assert.rejects(collect(blobs.stream('exports/r', { start: 10, end: 12 })), outside);
  await assert.rejects(collect(blobs.stream('exports/r', { start: 4, end: 2 })), outside);
  await assert.rejects(
    collect(blobs.stream('exports/none')),
    (error) => error instanceof AppError && error.code === 'not-found',
  );
});

test('a file that has not the bytes it must have is not there, and one that is cut off while it is read is an error', async (t) => {
  const { blobs } = await opened(t);
  const missing = (error: unknown) => error instanceof AppError && error.code === 'not-found';
  await blobs.write('exports/r', Buffer.from('0123456789'));
  assert.equal(await collect(blobs.stream('exports/r', undefined, 10)), '0123456789');
  assert.equal(await collect(blobs.stream('exports/r', { start: 2, end: 4 }, 10)), '234');
  for (const range of [undefined, { start: 2, end: 4 }, { start: 11, end: 11 }])
    await assert.rejects(collect(blobs.stream('exports/r', range, 12)), missing);
  await blobs.write('exports/none', Buffer.alloc(0));
  assert.equal(await collect(blobs.stream('exports/none', undefined, 0)), '');

  await blobs.write('exports/large', Buffer.alloc(1_000_000));
  for (const range of [undefined, { start: 100, end: 999_990 }]) {
    await blobs.write('exports/large', Buffer.alloc(1_000_000));
    const chunks = blobs.stream('exports/large', range)[Symbol.asyncIterator]();
    assert.ok(!(await chunks.next()).done);
    await truncate(blobs.pathOf('exports/large'), 300_000);
    const rest = async () => {
      while (!(await chunks.next()).done);
    };
    await assert.rejects(rest, (error) => error instanceof AppError && error.code === 'storage-unavailable');
  }
});

test('a stream that its reader leaves early closes the file', { timeout: 10_000 }, async (t) => {
  const { blobs } = await opened(t);
  await blobs.write('exports/large', Buffer.alloc(1_000_000));
  const open = async () => (await readdir('/proc/self/fd')).length;
  const before = await open();
  for (let round = 0; round < 20; round += 1) {
    for await (const chunk of blobs.stream('exports/large')) {
      assert.ok(chunk.length > 0);
      break;
    }
  }
  // Closing is asynchronous.
  await until(async () => (await open()) - before < 5);
});

test('a staged file appears under its name only when finished', async (t) => {
  const { blobs, directory } = await opened(t);
  const staged = await blobs.stage('exports/day.parquet');
  assert.match(staged.path, /\.parquet$/);
  await writeFile(staged.path, 'rows');
  assert.deepEqual(await blobs.list('exports'), []);
  assert.deepEqual(await staged.finish(), { bytes: 4, sha256: sha256('rows') });
  assert.equal(Buffer.from((await blobs.read('exports/day.parquet'))!).toString(), 'rows');
  assert.deepEqual(await readdir(join(directory, '.staging')), []);
});

test('a discarded file leaves nothing, written or not', async (t) => {
  const { blobs, directory } = await opened(t);
  const unwritten = await blobs.stage('exports/a');
  await unwritten.discard();
  const written = await blobs.stage('exports/a');
  await writeFile(written.path, 'x');
  await written.discard();
  assert.deepEqual(await readdir(join(directory, '.staging')), []);
  assert.equal(await blobs.read('exports/a'), undefined);
});

test('finishing what the other program never wrote is an error, not an empty file', async (t) => {
  const { blobs } = await opened(t);
  const staged = await blobs.stage('exports/a');
  await assert.rejects(staged.finish(), (error) => error instanceof AppError && error.code === 'storage-unavailable');
  assert.equal(await blobs.read('exports/a'), undefined);
});

test('opening sweeps away what was staged long ago, and leaves what is fresh', async (t) => {
  const { directory } = await opened(t);
  const old = join(directory, '.staging', 'old');
  await writeFile(old, 'x');
  await writeFile(join(directory, '.staging', 'fresh'), 'x');
  const yesterday = new Date(Date.now() - 24 * 3600 * 1000);
  await utimes(old, yesterday, yesterday);
  await openFileBlobs({ directory, clock });
  assert.deepEqual(await readdir(join(directory, '.staging')), ['fresh']);
});

test('who is alone sweeps away at opening whatever was staged', async (t) => {
  const { directory } = await opened(t);
  await writeFile(join(directory, '.staging', 'fresh'), 'x');
  const blobs = await openFileBlobs({ directory, clock, alone: true });
  assert.deepEqual(await readdir(join(directory, '.staging')), []);
  const own = await blobs.stage('exports/a');
  await writeFile(own.path, 'x');
  assert.equal(await blobs.sweep(), 0);
  await own.finish();
});

test('files are for their owner only', async (t) => {
  const { blobs, directory } = await opened(t);
  await blobs.write('heads/h', Buffer.from('x'));
  assert.equal((await stat(join(directory, 'heads/h'))).mode & 0o777, 0o600);
  assert.equal((await stat(join(directory, 'heads'))).mode & 0o777, 0o700);
});

test('a disk that refuses is storage-unavailable with the cause, and nothing half-written stays', async (t) => {
  const { blobs, directory } = await opened(t);
  // A file where the area should be: every user, root too, gets ENOTDIR or EEXIST.
  await writeFile(join(directory, 'exports'), 'in the way');
  await assert.rejects(blobs.write('exports/a', Buffer.from('x')), (error) => {
    assert.ok(error instanceof AppError);
    assert.equal(error.code, 'storage-unavailable');
    const { code } = error.cause as NodeJS.ErrnoException;
    assert.match(error.detail, new RegExp(`^The disk refused [^/]+/exports: ${code}: `));
    return true;
  });
  assert.deepEqual(await readdir(join(directory, '.staging')), []);
});

/** Runs `code` in a process whose files may not grow beyond 4 kB: writes fail in the middle, as on a full disk. */
async function withSmallFiles(code: string): Promise<unknown> {
  const shell = 'trap "" XFSZ; ulimit -f 8; exec "$0" --input-type=module -e "$1"';
  const { stdout } = await promisify(execFile)('sh', ['-c', shell, process.execPath, code], {
    timeout: 20_000,
    // A coverage file cut off by the limit would spoil the report of the whole run.
    env: { ...process.env, NODE_V8_COVERAGE: '' },
  });
  return JSON.parse(stdout);
}

test('a write that fails in the middle keeps the earlier file whole and leaves nothing behind', async (t) => {
  const { blobs, directory } = await opened(t);
  await blobs.write('heads/h', Buffer.from('old'));
  const code = `
    const { openFileBlobs } = await import(${JSON.stringify(import.meta.resolve('#adapters/blobs-fs/blobs.ts'))});
    const blobs = await openFileBlobs({ directory: ${JSON.stringify(directory)}, clock: { now: () => Date.now() } });
    const error = await blobs.write('heads/h', Buffer.alloc(1_000_000)).catch((caught) => caught);
    console.log(JSON.stringify({ code: error?.code, cause: error?.cause?.code, detail: error?.detail, retryAfter: error?.retryAfterSeconds }));`;
  const { detail, ...error } = (await withSmallFiles(code)) as { detail: string };
  assert.deepEqual(error, { code: 'storage-unavailable', cause: 'EFBIG', retryAfter: 10 });
  assert.match(detail, /^The disk refused \.staging\/\S+-h: EFBIG: file too large$/);
  assert.equal(await readFile(join(directory, 'heads/h'), 'utf8'), 'old');
  assert.deepEqual(await readdir(join(directory, '.staging')), []);
});
