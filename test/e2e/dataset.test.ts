import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { gunzipSync } from 'node:zlib';
import { formstead } from '../support/command-line.ts';
import { readParquetRows } from '../support/hyparquet.ts';
import { startTestProgram, type TestProgram, testEnvironment } from '../support/program.ts';

/* The exported files of a form, from the answers over HTTP to the rows that an independent reader finds in them. */

let program: TestProgram;
before(async () => {
  program = await startTestProgram();
});
after(() => program.stop());

const booking = {
  definition: {
    elements: [
      { type: 'comment', name: 'message' },
      { type: 'text', name: 'guests', inputType: 'number' },
      { type: 'text', name: 'day', inputType: 'date' },
      { type: 'boolean', name: 'first' },
      { type: 'checkbox', name: 'wishes', choices: ['window', 'quiet'] },
      { type: 'text', name: 'pin', inputType: 'password' },
    ],
  },
  intelligence: { text: ['message'], extract: { fields: [{ name: 'email', type: 'email' }] } },
};

async function update(form: string, query = ''): Promise<Record<string, number>> {
  const { status, body, headers } = await program.call('POST', `/forms/${form}/dataset${query}`);
  assert.deepEqual([status, headers.get('location')], [202, `/api/v1/tasks/${body.task_id}`]);
  const task = await program.finished(body.task_id, 60_000);
  assert.equal(task.status, 'succeeded', JSON.stringify(task.error));
  return task.result;
}
const manifest = async (form: string) => (await program.call('GET', `/forms/${form}/dataset`)).body;

async function download(
  form: string,
  name: string,
  headers = {},
): Promise<{ status: number; bytes: Buffer; headers: Headers }> {
  const token = await program.signIn('analyst');
  const answer = await fetch(`${program.url}/api/v1/forms/${form}/dataset/files/${name}`, {
    headers: { authorization: `Bearer ${token}`, ...headers },
  });
  return { status: answer.status, bytes: Buffer.from(await answer.arrayBuffer()), headers: answer.headers };
}

async function understood(form: string, answers: unknown): Promise<string> {
  const { response_id, task_id } = await program.accepted(form, answers);
  await program.finished(task_id, 60_000);
  return response_id;
}

test('what was answered is in the files: the same rows in both formats, with what was understood, and no password', async () => {
  const form = await program.publish(booking);
  const none = await program.call('GET', `/forms/${form}/dataset`);
  assert.deepEqual([none.status, none.body.code], [404, 'not-found']);
  const ids = [
    await understood(form, {
      message: 'Größe “ok”? Write to ada@example.org',
      guests: 2.5,
      day: '2026-03-01',
      first: true,
      pin: 'topsecret',
    }),
    await understood(form, { message: '=1+1\n𝄞', wishes: ['window', 'quiet'] }),
    await understood(form, { first: false }),
  ];
  assert.deepEqual(
    (await program.call('POST', `/responses/${ids[1]}/review`, { body: { fields: { email: 'ken@example.org' } } }))
      .status,
    200,
  );
  const report = await update(form);
  assert.deepEqual([report.rows, report.partitions, report.misfits], [3, 1, 0]);

  const { partitions, rows, columns } = await manifest(form);
  assert.deepEqual([rows, partitions.length, partitions[0].rows], [3, 1, 3]);
  assert.ok(
    columns.some(({ name, type }: { name: string; type: string }) => name === 'wishes__list' && type === 'string[]'),
  );
  const { parquet, jsonl } = partitions[0].files;
  const files = { parquet: await download(form, parquet.name), jsonl: await download(form, jsonl.name) };
  for (const [format, file] of [
    ['parquet', parquet],
    ['jsonl', jsonl],
  ] as const) {
    const { status, bytes, headers } = files[format];
    assert.deepEqual([status, bytes.length, headers.get('etag')], [200, file.bytes, `"${file.sha256}"`]);
    assert.equal(createHash('sha256').update(bytes).digest('hex'), file.sha256);
  }
  const lines = gunzipSync(files.jsonl.bytes)
    .toString('utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  const table = await readParquetRows(files.parquet.bytes);
  const pick = (row: Record<string, unknown>) => [
    row.response_id,
    row.message__text ?? null,
    row.guests__number ?? null,
    row.first__boolean ?? null,
    row.wishes__list ?? null,
    row.x_email ?? null,
  ];
  assert.deepEqual(table.map(pick), lines.map(pick));
  assert.deepEqual(lines.map(pick), [
    [ids[0], 'Größe “ok”? Write to ada@example.org', 2.5, true, null, 'ada@example.org'],
    [ids[1], '=1+1\n𝄞', null, null, ['window', 'quiet'], 'ken@example.org'],
    [ids[2], null, null, false, null, null],
  ]);
  assert.deepEqual(
    [lines[0].day__date, (table[0]!.day__date as Date).toISOString().slice(0, 10)],
    ['2026-03-01', '2026-03-01'],
  );
  assert.doesNotMatch(files.jsonl.bytes.toString('latin1') + gunzipSync(files.jsonl.bytes).toString(), /topsecret/);

  assert.equal((await update(form)).partitions, 0, 'nothing has changed');
  const again = await program.call('POST', `/forms/${form}/dataset?rebuild=2`);
  assert.equal(again.status, 400);
});

test('a download goes on where it stopped, and asks no more for what it has', async () => {
  const form = await program.publish(booking);
  await understood(form, { message: 'one' });
  await update(form);
  const { parquet } = (await manifest(form)).partitions[0].files;
  const whole = (await download(form, parquet.name)).bytes;
  const rest = await download(form, parquet.name, { range: 'bytes=100-' });
  assert.deepEqual([rest.status, rest.bytes.equals(whole.subarray(100))], [206, true]);
  assert.equal((await download(form, parquet.name, { 'if-none-match': `"${parquet.sha256}"` })).status, 304);
  assert.equal((await download(form, parquet.name, { range: `bytes=${whole.length}-` })).status, 416);
  for (const name of ['manifest.json', '..%2F..%2Fformstead.sqlite', 'x'])
    assert.equal((await download(form, name)).status, 404, name);
});

test('whoever may not export neither asks for files nor reads them', async () => {
  const form = await program.publish(booking);
  for (const role of ['editor', 'viewer'] as const) {
    const token = await program.signIn(role);
    for (const [method, path] of [
      ['GET', ''],
      ['POST', ''],
      ['GET', '/files/x'],
    ] as const)
      assert.equal((await program.call(method, `/forms/${form}/dataset${path}`, { token })).status, 403);
  }
  const missing = await program.call('POST', '/forms/frm_01980f2e-7c1a-7b3e-9d55-0f4c2a6b8e10/dataset');
  assert.deepEqual([missing.status, missing.body.code], [404, 'form-not-found']);
});

test('formstead exports verify compares every file with its manifest and with the store; a rebuild mends what it finds', async () => {
  const form = await program.publish({ ...booking, slug: 'verified' });
  for (let i = 0; i < 4; i++) await understood(form, { message: `number ${i}` });
  await update(form);
  const verify = (...args: string[]) =>
    formstead(['exports', 'verify', '--form', 'verified', ...args], testEnvironment(program.dir));
  const good = await verify();
  assert.deepEqual([good.code, good.stderr], [0, '']);
  assert.match(
    good.stdout,
    /^exports: ok: 4 rows in 1 partitions of 1 forms, 4 responses in the store; 0 changes wait/,
  );
  await program.accepted(form, { message: 'after the update' });
  assert.equal(JSON.parse((await verify('--json')).stdout).problems.length, 0);

  const { jsonl } = (await manifest(form)).partitions[0].files;
  const area = readdirSync(join(program.dir, 'blobs')).find((name) => name === `dataset.${form}`)!;
  writeFileSync(join(program.dir, 'blobs', area, jsonl.name), 'x'.repeat(jsonl.bytes));
  const bad = await verify();
  assert.equal(bad.code, 1);
  assert.match(bad.stderr, /has another content: its sha256 is/);
  await update(form, '?rebuild=1');
  assert.deepEqual([(await verify()).code, (await manifest(form)).rows], [0, 5]);
});

test('formstead exports verify finds nothing wrong while responses come in and files are written, and tells of a torn copy of the manifest', async () => {
  const form = await program.publish({ ...booking, slug: 'busy' });
  const verify = () => formstead(['exports', 'verify', '--form', 'busy'], testEnvironment(program.dir));
  await program.accepted(form, { message: 'first' });
  const young = await verify();
  assert.deepEqual([young.code, young.stderr], [0, '']);
  assert.match(young.stdout, /not exported yet: 1 responses of 1 forms$/m);
  await update(form);
  let stop = false;
  let sent = 0;
  const sending = (async () => {
    for (; !stop; sent++) await program.accepted(form, { message: `number ${sent}` });
  })();
  const updating = (async () => {
    while (!stop) await update(form);
  })();
  for (let i = 0; i < 3; i++) {
    const { code, stderr } = await verify();
    assert.equal(code, 0, stderr);
  }
  stop = true;
  await Promise.all([sending, updating]);
  assert.ok(sent > 10, `${sent} responses came in meanwhile`);
  writeFileSync(join(program.dir, 'blobs', `dataset.${form}`, 'manifest.json'), '{"torn');
  const torn = await verify();
  assert.deepEqual([torn.code, torn.stderr.includes('manifest.json cannot be read')], [1, true], torn.stderr);
  await update(form);
  assert.equal((await verify()).code, 0);
});

test('a query that meets a damaged file says so, and the file is written again', async () => {
  const form = await program.publish(booking);
  for (let i = 0; i < 3; i++) await understood(form, { message: `number ${i}` });
  await update(form);
  const before = (await manifest(form)).partitions[0].files.parquet;
  const path = join(program.dir, 'blobs', `dataset.${form}`, before.name);
  const bytes = readFileSync(path);
  // Its size stays: only whoever reads it can tell.
  writeFileSync(path, bytes.fill(0xff, 4, bytes.length - 200));
  const numbers = () => program.call('GET', `/analytics/queries/search?form_id=${form}&text=number&fresh=1`);
  const met = await numbers();
  assert.deepEqual([met.status, met.body.code], [503, 'data-damaged'], met.text);
  let healed = await numbers();
  for (let i = 0; healed.status !== 200 && i < 100; i++) {
    await sleep(100);
    healed = await numbers();
  }
  assert.deepEqual([healed.status, healed.body.rows.length], [200, 3]);
  assert.notEqual((await manifest(form)).partitions[0].files.parquet.name, before.name);
});

test('a question that becomes a password is in no answer from then on, although the files still have what was written before', async () => {
  const text = { elements: [booking.definition.elements[0], { type: 'text', name: 'pin' }] };
  const form = await program.publish({ definition: text });
  await program.accepted(form, { message: 'a', pin: 'topsecret' });
  await update(form);
  const ask = async (sql: string) =>
    (await program.call('POST', '/analytics/sql', { body: { sql, tables: { t: form }, fresh: true } })).body;
  assert.match(JSON.stringify(await ask('SELECT * FROM t')), /topsecret/);
  const closed = { elements: [text.elements[0], { type: 'text', name: 'pin', inputType: 'password' }] };
  const { headers } = await program.call('GET', `/forms/${form}`);
  const ifMatch = { 'if-match': headers.get('etag')! };
  assert.equal(
    (await program.call('PUT', `/forms/${form}`, { body: { title: 'Booking', definition: closed }, headers: ifMatch }))
      .status,
    200,
  );
  assert.equal((await program.call('POST', `/forms/${form}/publish`)).status, 201);
  const { rows } = await ask('SELECT * FROM t');
  assert.equal(rows.length, 1);
  assert.doesNotMatch(JSON.stringify(rows), /topsecret/);
  assert.equal((await ask('SELECT pin__text FROM t')).code, 'query-failed');
  await update(form);
  assert.doesNotMatch(JSON.stringify(await ask('SELECT * FROM t')), /topsecret/);
});
