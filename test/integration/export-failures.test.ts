import assert from 'node:assert/strict';
import { execFileSync, fork } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import type { Task } from '#domain/task.ts';
import { runExport } from '#jobs/handlers/run-export.ts';
import { createReconciler } from '#jobs/reconciler.ts';
import type { TaskContext } from '#jobs/registry.ts';
import { createRunner } from '#jobs/runner.ts';
import { createDuckdbProcess } from '../../src/adapters/analytics-duckdb/duckdb-process.ts';
import { createDuckdbExportWriter } from '../../src/adapters/analytics-duckdb/export-writer.ts';
import { createMemoryQueue } from '../../src/adapters/queue-memory/memory-queue.ts';
import { openExportWorld, readParquet, type World } from '../support/export-world.ts';
import { handlersWith } from '../support/handlers.ts';
import { sleep, until } from '../support/task-world.ts';

const definition = {
  elements: [
    { type: 'comment', name: 'message' },
    { type: 'text', name: 'n', inputType: 'number' },
  ],
};
const words = 'the quick brown fox jumps over the lazy dog and writes a rather long answer about it '.repeat(3);

async function formWith(world: World, rows: number, length = words.length) {
  const text = words.repeat(Math.ceil(length / words.length)).slice(0, length);
  const form = await world.form([{ definition }]);
  for (let i = 0; i < rows; i += 500)
    await Promise.all(
      Array.from({ length: Math.min(500, rows - i) }, (_, k) =>
        world.respond(form.id, { message: `${i + k} ${text}`, n: i + k }),
      ),
    );
  world.clock.advance(10);
  return form;
}

/** A runner and a reconciler on the world's store, as a worker process has them. */
function startWorker(t: TestContext, world: World) {
  const handlers = handlersWith({ 'run-export': runExport(world.exports) });
  const queue = createMemoryQueue();
  const queues = ['high-priority', 'default'] as const;
  const deps = { ...world, queue, queues, wantsEvent: async () => false };
  const runner = createRunner({ ...deps, handlers, concurrency: { 'high-priority': 2, default: 2, batched: 1 } });
  const reconciler = createReconciler({ ...deps, pollMs: 20 });
  runner.start();
  reconciler.start();
  const stop = async () => {
    await reconciler.stop();
    await runner.stop(0);
    await queue.close();
  };
  t.after(stop);
  return stop;
}

const context = (
  task: Task,
  lease: string,
  over: Partial<TaskContext<'run-export'>> = {},
): TaskContext<'run-export'> => ({
  task,
  lease,
  payload: task.payload as { export_id: string },
  signal: new AbortController().signal,
  progress() {},
  log: { debug() {}, info() {}, warn() {}, error() {}, child: () => assert.fail() },
  ...over,
});

test('a DuckDB process that is killed in the middle costs an attempt, and the next one makes the file', async (t) => {
  const pids: number[] = [];
  let sawFile = false;
  const world: World = await openExportWorld(t, {
    duckdb: {
      onStart(pid) {
        pids.push(pid);
        if (pids.length > 1) return;
        const timer = setInterval(() => {
          if (!readdirSync(join(world.dir, 'blobs', '.staging')).some((name) => name.endsWith('.parquet'))) return;
          sawFile = true;
          clearInterval(timer);
          process.kill(pid, 'SIGKILL');
        }, 2);
      },
    },
  });
  const form = await formWith(world, 20_000);
  const { exportId, taskId } = await world.exports.request(world.caller, { formId: form.id, format: 'parquet' });
  const stop = startWorker(t, world);
  await until(async () => (await world.storage.tasks.get(taskId))?.status === 'retrying');
  assert.ok(sawFile);
  assert.match((await world.storage.tasks.get(taskId))!.error!.detail, /DuckDB process ended \(SIGKILL\)/);
  assert.equal((await world.exports.get(exportId)).status, 'pending');
  assert.deepEqual(await world.staged(), []);

  world.clock.advance(30_000);
  await until(async () => (await world.exports.get(exportId)).status === 'ready');
  await stop();
  assert.equal(pids.length, 2);
  const { file } = await world.exports.get(exportId);
  const { rows } = await readParquet(join(world.dir, 'blobs', file!));
  assert.equal(rows.length, 20_000);
  assert.deepEqual(
    rows.map((row) => row.n__number),
    Array.from({ length: 20_000 }, (_, i) => i),
  );
});

test('an abort ends the DuckDB process and leaves no file', async (t) => {
  const controller = new AbortController();
  let pid: number | undefined;
  const world = await openExportWorld(t, {
    duckdb: {
      onStart(started) {
        pid = started;
        setTimeout(() => controller.abort('time-limit'), 50);
      },
    },
  });
  const form = await formWith(world, 3_000);
  const { exportId, taskId } = await world.exports.request(world.caller, { formId: form.id, format: 'parquet' });
  const { cause } = await world.claim(taskId);
  const run = world.exports.run(cause, exportId, { signal: controller.signal, progress() {} });
  assert.equal(await run.catch((reason) => reason), 'time-limit');
  assert.throws(() => process.kill(pid!, 0), { code: 'ESRCH' });
  assert.deepEqual(await world.staged(), []);
  assert.equal((await world.exports.get(exportId)).status, 'pending');
});

test('an abort between two pages leaves no file of a text format', async (t) => {
  const world = await openExportWorld(t);
  const form = await formWith(world, 1_000);
  for (const format of ['jsonl', 'csv'] as const) {
    const controller = new AbortController();
    const { exportId, taskId } = await world.exports.request(world.caller, { formId: form.id, format });
    const { cause } = await world.claim(taskId);
    const run = world.exports.run(cause, exportId, {
      signal: controller.signal,
      progress: () => controller.abort('cancelled'),
    });
    assert.equal(await run.catch((reason) => reason), 'cancelled');
    assert.deepEqual(await world.staged(), []);
  }
});

test('a DuckDB process that takes too long is killed at its deadline', async (t) => {
  const world = await openExportWorld(t, { duckdb: { deadlineMs: 20 } });
  const form = await formWith(world, 100);
  await assert.rejects(world.make({ formId: form.id, format: 'parquet' }), /ended after 20 ms/);
  assert.deepEqual(await world.staged(), []);
});

test('a disk that refuses is told as such, by whichever part met it', async (t) => {
  let free = 1e9;
  const world = await openExportWorld(t, {
    freeBytes: () => free,
    blobs: {
      stage: async () => ({
        path: '/nowhere/at/all',
        finish: () => assert.fail('never complete'),
        discard: async () => {},
      }),
    },
  });
  const form = await formWith(world, 500);
  for (const format of ['jsonl', 'csv', 'parquet'] as const)
    await assert.rejects(world.make({ formId: form.id, format }), { code: 'storage-unavailable' });
  free = 1000;
  await assert.rejects(world.make({ formId: form.id, format: 'jsonl' }), { code: 'disk-nearly-full' });
});

test('a full disk is told from the other faults of DuckDB', { skip: process.platform !== 'linux' }, async (t) => {
  const dir = await mkdtemp(join(tmpdir(), 'formstead-full-'));
  t.after(() => rm(dir, { recursive: true, force: true }));
  const input = join(dir, 'rows');
  await writeFile(input, '{"c0":"a"}\n'.repeat(100_000));
  const columns = [{ key: 'c0', name: 'a', sqlType: 'VARCHAR' }];
  const job = {
    input,
    gzip: false,
    columns,
    rowGroupBytes: 2 ** 20,
    longestLine: 100,
    memoryBytes: 2e8,
    spill: `${input}.spill`,
  };
  const pids: number[] = [];
  const duckdb = createDuckdbProcess({ deadlineMs: 10_000, onStart: (pid) => pids.push(pid) });
  const { signal } = new AbortController();
  await assert.rejects(duckdb.run({ ...job, output: '/dev/full' }, signal), {
    code: 'storage-unavailable',
    detail: 'The disk refused dev/full: ENOSPC: no space left on device',
  });
  await assert.rejects(duckdb.run({ ...job, output: join(dir, 'no', 'folder') }, signal), {
    message: 'DuckDB: IO Error',
  });
  assert.equal(await duckdb.run({ ...job, output: join(dir, 'good.parquet') }, signal), 100_000);
  assert.equal(new Set(pids).size, 1, 'a file that failed is no reason for another process');
  process.kill(pids[0]!, 'SIGKILL');
  await until(() => !existsSync(`/proc/${pids[0]}`));
  assert.equal(await duckdb.run({ ...job, output: join(dir, 'another.parquet') }, signal), 100_000);
  assert.equal(new Set(pids).size, 2);
});

test('20,000 rows do not make the process larger, in any format', async (t) => {
  setFlagsFromString('--expose-gc');
  const gc: () => void = runInNewContext('gc');
  const held = () => {
    gc();
    const { heapUsed, external } = process.memoryUsage();
    return (heapUsed + external) / 1e6;
  };
  const world = await openExportWorld(t);
  const form = await formWith(world, 20_000, 2000);
  for (const format of ['jsonl', 'csv', 'parquet'] as const) {
    const { exportId, taskId } = await world.exports.request(world.caller, { formId: form.id, format });
    const { cause } = await world.claim(taskId);
    const before = held();
    let most = 0;
    let pages = 0;
    const { rows } = await world.exports.run(cause, exportId, {
      signal: new AbortController().signal,
      progress() {
        if (pages++ % 10 === 0) most = Math.max(most, held() - before);
      },
    });
    assert.equal(rows, 20_000);
    // The rows themselves are 40 MB.
    assert.ok(most < 12, `${format}: ${most.toFixed(1)} MB more`);
    t.diagnostic(`${format}: at most ${most.toFixed(1)} MB more`);
  }
});

test('the largest responses there may be become Parquet within the memory, in their order', async (t) => {
  const dir = await mkdtemp(join(tmpdir(), 'formstead-large-'));
  t.after(() => rm(dir, { recursive: true }));
  const writer = createDuckdbExportWriter({ memoryBytes: 512e6 });
  const { signal } = new AbortController();
  const parquet = join(dir, 'a.parquet');
  const columns = [
    { name: 'n', type: 'integer' },
    { name: 'message', type: 'string' },
  ] as const;
  const sink = await writer.openTable({ parquet, jsonl: join(dir, 'a.jsonl.gz'), columns, signal });
  // 180 MB that nothing makes smaller.
  for (let i = 0; i < 750; i += 50) {
    await sink.write(Array.from({ length: 50 }, (_, k) => [i + k, randomBytes(180_000).toString('base64')]));
  }
  await sink.close();
  await sink.discard();
  const { rows } = await readParquet(parquet);
  assert.deepEqual(
    rows.map(({ n, message }) => [Number(n), (message as string).length]),
    Array.from({ length: 750 }, (_, n) => [n, 240_000]),
  );
});

test('a memory that DuckDB cannot do with is an error without a word of the rows', async (t) => {
  const world = await openExportWorld(t, { duckdb: { memoryBytes: 2e6 } });
  const form = await formWith(world, 5_000);
  await assert.rejects(world.make({ formId: form.id, format: 'parquet' }), (err: Error) => {
    assert.equal(err.message, 'DuckDB: Out of Memory Error');
    return true;
  });
  assert.deepEqual(await world.staged(), []);
});

test('an export whose last attempt fails says why, and a requeued task makes it ready all the same', async (t) => {
  let broken = true;
  const working = createDuckdbExportWriter();
  const world = await openExportWorld(t, {
    writer: {
      ...working,
      openText: (file) => (broken ? Promise.reject(new Error('no pen')) : working.openText(file)),
    },
  });
  const form = await formWith(world, 10);
  const { exportId, taskId } = await world.exports.request(world.caller, { formId: form.id, format: 'jsonl' });
  startWorker(t, world);
  for (let attempt = 1; attempt <= 4; attempt++) {
    await until(async () => {
      const task = await world.storage.tasks.get(taskId);
      return task?.attempts === attempt && task.status !== 'running';
    });
    if (attempt < 4) assert.equal((await world.exports.get(exportId)).status, 'pending');
    world.clock.advance(200_000);
  }
  const failed = await world.exports.get(exportId);
  assert.equal(failed.status, 'failed');
  assert.match(failed.error!, /no pen/);
  await assert.rejects(world.exports.download(exportId), { code: 'conflict' });

  broken = false;
  await world.storage.tasks.requeue(taskId, world.clock.now(), []);
  await until(async () => (await world.exports.get(exportId)).status === 'ready');
  assert.equal((await world.exports.get(exportId)).error, undefined);
});

test('an export ends as failed when its task is cancelled, before it ran or while it runs', async (t) => {
  const world = await openExportWorld(t);
  const form = await formWith(world, 10);
  const waiting = await world.exports.request(world.caller, { formId: form.id, format: 'jsonl' });
  await world.storage.tasks.cancel(waiting.taskId, world.clock.now(), []);
  assert.equal((await world.exports.get(waiting.exportId)).status, 'failed');

  const running = await world.exports.request(world.caller, { formId: form.id, format: 'jsonl' });
  const { task, cause } = await world.claim(running.taskId);
  await runExport(world.exports)(context(task, cause.lease, { signal: AbortSignal.abort('cancelled') }));
  const kept = await world.storage.get('export', running.exportId);
  assert.deepEqual([kept?.doc.status, kept?.doc.error], ['failed', 'cancelled: Somebody cancelled the task.']);
});

test('a shutdown or a lost lease on the last attempt does not fail the export: somebody will try again', async (t) => {
  const world = await openExportWorld(t);
  const form = await formWith(world, 10);
  const { exportId, taskId } = await world.exports.request(world.caller, { formId: form.id, format: 'jsonl' });
  const { task, cause } = await world.claim(taskId);
  for (const reason of ['shutdown', 'lease-lost']) {
    const last = context({ ...task, attempts: task.maxAttempts }, cause.lease, { signal: AbortSignal.abort(reason) });
    await assert.rejects(runExport(world.exports)(last), (thrown) => thrown === reason);
    assert.equal((await world.storage.get('export', exportId))?.doc.status, 'pending');
  }
});

test('the DuckDB process ends with its parent', { skip: process.platform !== 'linux' }, async (t) => {
  const dir = await mkdtemp(join(tmpdir(), 'formstead-orphan-'));
  t.after(() => rm(dir, { recursive: true, force: true }));
  // Nobody writes into it: DuckDB would wait for its rows for ever.
  execFileSync('mkfifo', [join(dir, 'rows')]);
  const parent = fork(new URL('../support/export-parent.ts', import.meta.url), [dir], {
    execArgv: [],
    env: { ...process.env, NODE_V8_COVERAGE: '' },
  });
  const pid = await new Promise<number>((resolve) => parent.once('message', (message) => resolve(message as number)));
  t.after(() => isAlive(pid) && process.kill(pid, 'SIGKILL'));
  await sleep(1500);
  assert.ok(isAlive(pid));
  parent.kill('SIGKILL');
  const deadline = Date.now() + 5000;
  await until(() => !isAlive(pid) || Date.now() > deadline);
  assert.ok(!isAlive(pid));
});

/** A process that ended and that nobody has asked about yet is dead all the same. */
function isAlive(pid: number): boolean {
  try {
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}
