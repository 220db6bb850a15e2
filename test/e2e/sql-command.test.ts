import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { directory, formstead, start } from '../support/command-line.ts';
import { startTestProgram, type TestProgram, testEnvironment } from '../support/program.ts';

let program: TestProgram;
before(async () => {
  program = await startTestProgram();
  const elements = [{ type: 'text', name: 'zip' }];
  await program.publish({ slug: 'asked', definition: { elements } });
});
after(() => program.stop());

const argsOf = (sql: string, ...args: string[]) => ['sql', '--table', 't=asked', ...args, '--', sql];
const ask = (sql: string, ...args: string[]) => formstead(argsOf(sql, ...args), testEnvironment(program.dir));

test('a value that JSON would not write as a number is a text', async () => {
  const params = ['01067', '-07', '0', '-1.5', '00'].flatMap((value, i) => ['--param', `p${i}=${value}`]);
  const { code, stdout, stderr } = await ask(
    'SELECT $p0 AS a, $p1 AS b, $p2 AS c, $p3 AS d, $p4 AS e',
    ...params,
    '--format',
    'json',
  );
  assert.deepEqual([code, stderr], [0, '']);
  assert.deepEqual(JSON.parse(stdout).rows, [['01067', '-07', 0, -1.5, '00']]);
});

test('a name that is given twice is refused, for tables and for parameters', async () => {
  for (const [option, name, value] of [
    ['--table', 't', 'asked'],
    ['--param', 'p', '2'],
  ] as const) {
    const twice = ['--param', 'p=1', option, `${name}=${value}`];
    const { code, stdout, stderr } = await ask('SELECT $p AS n FROM t', ...twice);
    assert.deepEqual([code, stdout], [1, '']);
    assert.ok(stderr.includes(`${option} names ${name} twice`), stderr);
  }
});

test('what a terminal would obey is shown in a table', async () => {
  const { code, stdout } = await ask(
    `SELECT 'a' || chr(27) || '[2J' || chr(155) || 'x' || chr(8238) AS "n${'\u0007'}", [chr(127)] AS l`,
  );
  assert.equal(code, 0);
  assert.equal(stdout, 'n\\u0007                  l\na\\u001b[2J\\u009bx\\u202e  ["\\u007f"]\n');
});

test('a reader that closes the pipe early ends the command quietly', async () => {
  const args = argsOf("SELECT repeat('x', 1000) FROM range(9000)", '--format', 'json');
  const child = start(args, testEnvironment(program.dir));
  let stderr = '';
  child.stderr!.on('data', (chunk) => {
    stderr += chunk;
  });
  child.stdout!.once('data', () => child.stdout!.destroy());
  const [code] = await once(child, 'close');
  assert.deepEqual([code, stderr], [0, '']);
});

test('a query that fails leaves the files beside its own as they are, and none of its own', async (t) => {
  const dir = directory(t);
  const out = join(dir, 'd.parquet');
  writeFileSync(`${out}.cut`, 'mine');
  const failed = await ask("SELECT error('on purpose')", '--format', 'parquet', '--out', out);
  assert.notEqual(failed.code, 0);
  assert.match(failed.stderr, /on purpose/);
  assert.deepEqual(readdirSync(dir), ['d.parquet.cut']);
  assert.equal(readFileSync(`${out}.cut`, 'utf8'), 'mine');
  assert.equal((await ask('SELECT 1 AS n', '--format', 'parquet', '--out', out)).code, 0);
  assert.deepEqual(readdirSync(dir).toSorted(), ['d.parquet', 'd.parquet.cut']);
  const table = await ask('SELECT 1 AS n', '--out', out);
  assert.notEqual(table.code, 0);
  assert.match(table.stderr, /is there already/);
});

test('of a damaged file it says what has it written again, and that does', async () => {
  const elements = [{ type: 'text', name: 'zip' }];
  const form = await program.publish({ slug: 'torn', definition: { elements } });
  await program.accepted(form, { zip: '01067' });
  const { body } = await program.call('POST', `/forms/${form}/dataset`);
  await program.finished(body.task_id, 60_000);
  const { partitions } = (await program.call('GET', `/forms/${form}/dataset`)).body;
  const path = join(program.dir, 'blobs', `dataset.${form}`, partitions[0].files.parquet.name);
  const bytes = readFileSync(path);
  // Its size stays: only whoever reads it can tell.
  writeFileSync(path, bytes.fill(0xff, 4, bytes.length - 200));
  const zips = () =>
    formstead(
      ['sql', '--table', 't=torn', '--format', 'json', '--', 'SELECT zip__text FROM t'],
      testEnvironment(program.dir),
    );
  const met = await zips();
  assert.deepEqual([met.code, met.stdout], [1, '']);
  const told = /POST \/api\/v1(\/forms\/\S+\/dataset\?rebuild=1) has a running server write it again/.exec(met.stderr);
  assert.ok(told, met.stderr);
  assert.ok(!met.stderr.includes('ask again'), met.stderr);
  const again = await program.call('POST', told[1]!);
  assert.equal((await program.finished(again.body.task_id, 60_000)).status, 'succeeded');
  const { code, stdout, stderr } = await zips();
  assert.deepEqual([code, stderr], [0, '']);
  assert.deepEqual(JSON.parse(stdout).rows, [['01067']]);
});
