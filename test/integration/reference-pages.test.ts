import assert from 'node:assert/strict';
import { test } from 'node:test';
import { referencePages, stalePages } from '#cli/pages/reference-pages.ts';
import { errorTable } from '#domain/errors.ts';
import { metricTable } from '#ports/metrics.ts';

test('the reference pages are what the code says (else: node src/cli/pages/reference-pages.ts --write)', async () => {
  assert.deepEqual(await stalePages(), []);
});

test('every error code and every metric has its line', () => {
  const text = (path: string) => referencePages.find((page) => page.path.endsWith(path))!.text;
  for (const code of Object.keys(errorTable)) assert.ok(text('errors.md').includes(`| \`${code}\` |`), code);
  for (const name of Object.keys(metricTable)) assert.ok(text('metrics.md').includes(`| \`${name}\` |`), name);
});
