import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { openSqliteStorage } from '../../src/adapters/storage-sqlite/storage.ts';
import { formstead } from '../support/command-line.ts';
import { testEnvironment } from '../support/program.ts';

test('the export command leaves a file that is there as it is, whatever goes wrong, and nothing unfinished beside it', async (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'formstead-export-command-'));
  t.after(() => rmSync(dir, { recursive: true, force: true }));
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
