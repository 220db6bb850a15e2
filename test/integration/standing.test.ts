import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { getPriority, tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { createDuckdbExportWriter } from '#adapters/analytics-duckdb/export-writer.ts';
import { createThreadedReader } from '#adapters/extractor-rules/threaded-reader.ts';
import { openEngineWorld, visit, visitColumns } from '../support/engine-world.ts';

/* Who waits has the processor first: this process, then questions, then understanding, then files. */

/** Of each thread of this process. */
const nicenesses = () =>
  readdirSync('/proc/self/task').map((id) => {
    const [, rest] = readFileSync(`/proc/self/task/${id}/stat`, 'utf8').split(/\) (?=\S \d)/);
    return Number(rest!.split(' ')[16]);
  });

test('the thread that reads texts stands back, and this process does not', {
  skip: process.platform !== 'linux' && 'threads have a niceness of their own on Linux',
}, async () => {
  assert.deepEqual([...new Set(nicenesses())], [0]);
  const reader = createThreadedReader();
  try {
    await reader.read(['We meet on Monday.'], [], { now: 0, timeZone: 'UTC' });
    assert.deepEqual([...new Set(nicenesses())].sort(), [0, 10]);
    assert.equal(getPriority(), 0);
  } finally {
    await reader.close();
  }
});

test('the process that answers questions stands behind this one, and the one that writes files behind that', async (t) => {
  const { query, visits, pids } = await openEngineWorld(t);
  await query('SELECT count(*) FROM visits', [
    { name: 'visits', columns: visitColumns, files: [await visits('a.parquet', 0, 10)] },
  ]);
  assert.equal(getPriority(pids[0]!), 5);

  const dir = await mkdtemp(join(tmpdir(), 'formstead-standing-'));
  t.after(() => rm(dir, { recursive: true }));
  let writing = 0;
  const writer = createDuckdbExportWriter({ onStart: (pid) => (writing = pid) });
  const sink = await writer.openParquet({
    path: join(dir, 'a.parquet'),
    columns: visitColumns,
    signal: new AbortController().signal,
  });
  await sink.write([visit(0)]);
  await sink.close();
  // It stays for two seconds.
  assert.equal(getPriority(writing), 15);
});

test('behind a server that was started with nice(1) the order is the same', () => {
  const module = new URL('../../src/adapters/child-process/niceness.ts', import.meta.url).href;
  const standing = (server: number, who: string) =>
    execFileSync(process.execPath, [
      '--input-type=module',
      '-e',
      `import { getPriority, setPriority } from 'node:os';
      import { standBack } from ${JSON.stringify(module)};
      setPriority(${server});
      standBack(${JSON.stringify(who)});
      process.stdout.write(String(getPriority()));`,
    ]).toString();
  assert.deepEqual([standing(7, 'question'), standing(7, 'understanding'), standing(7, 'file')], ['12', '17', '19']);
});
