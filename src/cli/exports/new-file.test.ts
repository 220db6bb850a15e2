import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { intoNewFile, newFile } from './new-file.ts';

test('a new file appears whole or not at all, and takes no place of another one', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'formstead-new-file-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const path = join(folder, 'a.parquet');
  await writeFile(`${path}.cut`, 'of somebody');
  const torn = intoNewFile(path, async (unfinished) => {
    await writeFile(unfinished, 'half');
    throw new Error('on purpose');
  });
  await assert.rejects(torn, /on purpose/);
  assert.deepEqual(readdirSync(folder), ['a.parquet.cut']);
  const late = intoNewFile(path, async (unfinished) => {
    await writeFile(unfinished, 'ours');
    await writeFile(path, 'appeared meanwhile');
  });
  await assert.rejects(late, { code: 'already-exists' });
  assert.equal(readFileSync(path, 'utf8'), 'appeared meanwhile');
  rmSync(path);
  assert.equal(
    await intoNewFile(path, async (unfinished) => {
      await writeFile(unfinished, 'whole');
      return 1;
    }),
    1,
  );
  assert.equal(readFileSync(path, 'utf8'), 'whole');
  await assert.rejects(newFile(path), { code: 'already-exists' });
  assert.deepEqual(readdirSync(folder).toSorted(), ['a.parquet', 'a.parquet.cut']);
});
