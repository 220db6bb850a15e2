import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Refusal } from '../guard/refusal.ts';
import { Fault, failureOf, kindOf, withoutPaths } from './faults.ts';

test('a message shows no path, be it known, quoted, or cut off', () => {
  assert.equal(
    withoutPaths('cannot open /data/days/1.parquet now', ['/data/days/1.parquet']),
    'cannot open (file) now',
  );
  assert.equal(withoutPaths('/data/a and /data/a.wal', ['/data/a', '/data/a.wal']), '(file) and (file)');
  assert.equal(withoutPaths(`file "/srv/x y/z.db": torn, '/tmp/s' too`, []), 'file (file): torn, (file) too');
  assert.equal(
    withoutPaths("LINE 1: FROM parquet_metadata(['/srv/long/na...\n   ^", []),
    'LINE 1: FROM parquet_metadata([(file)\n   ^',
  );
  assert.equal(withoutPaths("a 'text' and 1/2 \"b\" / 'c'", []), "a 'text' and 1/2 \"b\" / 'c'");
});

test('every error has its fault', () => {
  const fault = (err: unknown) => failureOf(err, []).failed;
  assert.equal(fault(new Fault('data-damaged', 'x', '/f')), 'data-damaged');
  assert.equal(failureOf(new Fault('data-damaged', 'x', '/f'), []).file, '/f');
  assert.equal(fault(new Refusal('no')), 'query-refused');
  assert.equal(fault(new Error('Out of Memory Error: failed to allocate')), 'query-too-large');
  assert.equal(fault(new Error('Cannot create a string longer than 0x1fffffe8 characters')), 'query-too-large');
  assert.equal(fault(new Error('Binder Error: no')), 'query-failed');
  assert.equal(fault(new Error('IO Error: Could not write: No space left on device')), 'disk-nearly-full');
  assert.equal(fault('text'), 'query-failed');
});

test('the kind of an error is what DuckDB writes before the colon', () => {
  assert.equal(kindOf(new Error('INTERRUPT Error: Interrupted!')), 'INTERRUPT Error');
  assert.equal(kindOf(new Error('ENOENT: no such file')), '');
  assert.equal(kindOf('Binder Error: x'), '');
});
