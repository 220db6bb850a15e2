import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { formstead } from '../support/command-line.ts';
import { startTestProgram, type TestProgram, testEnvironment } from '../support/program.ts';

/* What is said about an answer beside its rows, through the whole program: in its head, on stderr, and on the disk afterwards. Two rows are the most. */

let program: TestProgram;
let form: string;
before(async () => {
  program = await startTestProgram({ FORMSTEAD_QUERY_ROWS: '2' });
  const choices = ['a', 'b', 'c', 'd'];
  form = await program.publish({
    definition: { elements: [{ type: 'radiogroup', name: 'size', choices }] },
    slug: 'sizes',
  });
  for (const size of ['a', 'a', 'b', 'b', 'c', 'c', 'd']) await program.accepted(form, { size });
});
after(() => program.stop());

const path = (query: string, params: Record<string, string> = {}) =>
  `/analytics/queries/${query}?${new URLSearchParams({ form_id: form, fresh: '1', ...params })}`;
const ask = (method: string, format: string, headers = {}) =>
  program.call(method, path('answers', { question: 'size', format }), { headers });
const told = ({ headers }: { headers: Headers }) => ['x-truncated', 'x-suppressed'].map((name) => headers.get(name));
const left = () => {
  const folder = join(program.dir, 'blobs', 'answers');
  return existsSync(folder) ? readdirSync(folder) : [];
};

test('an answer in a file says in its head what JSON says beside the rows', async () => {
  const { body } = await ask('GET', 'json');
  assert.deepEqual([body.rows.length, body.truncated, body.suppressed], [2, true, 0]);
  for (const format of ['csv', 'ndjson', 'parquet']) {
    const file = await ask('GET', format);
    assert.deepEqual([file.status, ...told(file)], [200, 'true', '0'], format);
    const asOf = Date.parse(file.headers.get('x-as-of')!);
    assert.ok(Date.now() - asOf >= 0 && Date.now() - asOf < 60_000, format);
    const sql = { sql: 'SELECT size__text FROM t LIMIT $n', tables: { t: form }, format, fresh: true };
    for (const [n, cut] of [
      [3, 'true'],
      [2, 'false'],
    ] as const) {
      const answer = await program.call('POST', '/analytics/sql', { body: { ...sql, params: { n } } });
      assert.deepEqual([answer.status, ...told(answer)], [200, cut, null], `${format} ${n}`);
    }
  }
});

test('HEAD has the head of GET, and leaves nothing on the disk, as GET does not', async () => {
  for (const format of ['csv', 'ndjson', 'parquet']) {
    const [get, head] = [await ask('GET', format), await ask('HEAD', format)];
    assert.deepEqual([head.status, head.text, ...told(head)], [200, '', 'true', '0'], format);
    for (const name of ['etag', 'content-type', 'content-length', 'content-disposition'])
      assert.equal(head.headers.get(name), get.headers.get(name), `${format} ${name}`);
  }
  for (let tries = 0; left().length > 0 && tries < 40; tries++) await new Promise((go) => setTimeout(go, 50));
  assert.deepEqual(left(), []);
});

test('formstead sql says on stderr that a file has not all rows', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'formstead-sql-'));
  const env = testEnvironment(program.dir, { FORMSTEAD_QUERY_ROWS: '2' });
  for (const [sql, format, stderr] of [
    ['SELECT * FROM t', 'csv', 'Only the first 2 rows: FORMSTEAD_QUERY_ROWS allows no more.\n'],
    ['SELECT * FROM t', 'parquet', 'Only the first 2 rows: FORMSTEAD_QUERY_ROWS allows no more.\n'],
    ['SELECT * FROM t LIMIT 2', 'ndjson', ''],
  ] as const) {
    const out = join(dir, `answer.${format}`);
    const asked = await formstead(['sql', '--table', 't=sizes', '--format', format, '--out', out, '--', sql], env);
    assert.deepEqual([asked.code, asked.stderr], [0, stderr], format);
    assert.ok(readFileSync(out).length > 0);
  }
  rmSync(dir, { recursive: true });
});

test('an error has no ETag, so that the next question is not told that it has the answer', async () => {
  const { body } = await program.call('POST', `/forms/${form}/dataset`);
  assert.equal((await program.finished(body.task_id, 60_000)).status, 'succeeded');
  // Without workers, which would write the files again.
  await program.restart({}, []);
  const blobs = join(program.dir, 'blobs');
  for (const name of readdirSync(blobs, { recursive: true, encoding: 'utf8' }))
    if (name.endsWith('.parquet')) rmSync(join(blobs, name));
  for (const format of ['json', 'csv']) {
    const failed = await ask('GET', format);
    assert.deepEqual([failed.status, failed.body.code], [503, 'data-damaged'], format);
    for (const name of ['etag', 'content-disposition', 'x-truncated'])
      assert.equal(failed.headers.get(name), null, `${format} ${name}`);
    assert.equal(failed.headers.get('cache-control'), 'no-store');
  }
});
