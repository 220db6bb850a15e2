import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { openSqliteStorage } from '../../src/adapters/storage-sqlite/storage.ts';
import { formstead } from '../support/command-line.ts';
import { testEnvironment } from '../support/program.ts';

test('a command that cannot open all of the data directory says so and ends', { timeout: 30_000 }, async (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'formstead-command-'));
  t.after(() => rmSync(dir, { recursive: true, force: true }));
  await (await openSqliteStorage({ dir })).close();
  writeFileSync(join(dir, 'blobs'), 'a file where a folder belongs');
  const env = { ...testEnvironment(dir), FORMSTEAD_SECRET_KEY: 'nine-lanterns-over-the-quiet-harbour-at-5' };
  // A command that writes: those that only look do without the blobs.
  const { code, stderr } = await formstead(['user', 'list'], env);
  assert.deepEqual([code, stderr], [1, 'formstead: The disk refused\n']);
});
