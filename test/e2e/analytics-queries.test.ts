import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, utimesSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { commonQueries } from '#domain/queries/catalogue.ts';
import { formstead } from '../support/command-line.ts';
import { readParquetRows } from '../support/hyparquet.ts';
import { startTestProgram, type TestProgram, testEnvironment } from '../support/program.ts';

/* Common queries and SQL through the whole program: before any file was written, with all in files, and with both. */

let program: TestProgram;
before(async () => {
  program = await startTestProgram();
});
after(() => program.stop());

const definition = {
  elements: [
    { type: 'comment', name: 'message' },
    { type: 'text', name: 'email', inputType: 'email' },
    { type: 'rating', name: 'stars' },
    { type: 'text', name: 'guests', inputType: 'number' },
    { type: 'radiogroup', name: 'size', choices: ['small', 'large'] },
    { type: 'checkbox', name: 'wishes', choices: ['window', 'quiet'] },
    { type: 'text', name: 'pin', inputType: 'password' },
  ],
};
const answers = (i: number) => ({
  message: i % 4 === 0 ? `Größe ${i}: the “window” seat, please` : `Number ${i}`,
  email: `guest${i % 5}@example.org`,
  stars: 1 + (i % 5),
  ...(i % 3 !== 0 && { guests: i }),
  size: i % 4 === 0 ? 'small' : 'large',
  wishes: i % 2 === 0 ? ['window', 'quiet'] : ['quiet'],
  pin: 'topsecret',
});

type Answer = { columns: { name: string; type: string }[]; rows: unknown[][]; truncated: boolean; suppressed: number };
async function asked(form: string, name: string, params: Record<string, string> = {}): Promise<Answer> {
  const query = new URLSearchParams({ form_id: form, fresh: '1', ...params });
  const { status, body, text } = await program.call('GET', `/analytics/queries/${name}?${query}`);
  assert.equal(status, 200, text);
  return body;
}
const rows = async (form: string, name: string, params?: Record<string, string>) =>
  (await asked(form, name, params)).rows;
async function sql(form: string, text: string, more: object = {}, token?: string) {
  const body = { sql: text, tables: { t: form }, fresh: true, ...more };
  return program.call('POST', '/analytics/sql', { body, ...(token !== undefined && { token }) });
}

async function update(form: string): Promise<void> {
  const { body } = await program.call('POST', `/forms/${form}/dataset`);
  assert.equal((await program.finished(body.task_id, 60_000)).status, 'succeeded');
}

/** What the answers of 0 … n−1 come to. */
async function check(form: string, n: number): Promise<void> {
  const all = Array.from({ length: n }, (_, i) => answers(i));
  const count = (is: (one: ReturnType<typeof answers>) => boolean) => all.filter(is).length;
  const [today, ...none] = await rows(form, 'responses-over-time');
  assert.deepEqual([today![1], none.length], [n, 0]);
  for (const by of ['hour', 'week', 'month', 'hour-of-day', 'hour-of-week', 'weekday']) {
    const found = await rows(form, 'responses-over-time', { by });
    assert.equal(
      found.reduce((sum, row) => sum + Number(row[1]), 0),
      n,
      by,
    );
  }
  const large = count(({ size }) => size === 'large');
  assert.deepEqual(await rows(form, 'answers', { question: 'size' }), [
    ['large', large, large / n],
    ['small', n - large, (n - large) / n],
  ]);
  assert.deepEqual(await rows(form, 'answers', { question: 'wishes', limit: '1' }), [['quiet', n, 1]]);
  const stars = all.map((one) => one.stars).sort();
  const [[counted, mean, , least, , median, , , most] = []] = await rows(form, 'numbers', { question: 'stars' });
  assert.deepEqual([counted, least, most], [n, stars[0], stars.at(-1)]);
  assert.ok(Math.abs(Number(mean) - stars.reduce((a, b) => a + b) / n) < 1e-9);
  assert.equal(median, n % 2 ? stars[(n - 1) / 2] : (stars[n / 2 - 1]! + stars[n / 2]!) / 2);
  const guests = all.flatMap((one) => ('guests' in one ? [one.guests as number] : []));
  const steps = await rows(form, 'histogram', { question: 'guests', steps: '4' });
  assert.equal(
    steps.reduce((sum, row) => sum + Number(row[2]), 0),
    guests.length,
  );
  assert.deepEqual([steps[0]![0], steps.at(-1)![1]], [Math.min(...guests), Math.max(...guests)]);
  const [week] = await rows(form, 'respondents', { question: 'email' });
  assert.deepEqual(week!.slice(1), [Math.min(5, n), Math.min(5, n), n]);
  const answered = new Map((await rows(form, 'form')).map(([question, ...rest]) => [question, rest]));
  assert.deepEqual(answered.get('guests'), [n, guests.length, guests.length / n]);
  assert.deepEqual([...answered.keys()], ['message', 'email', 'stars', 'guests', 'size', 'wishes']);
  const found = await rows(form, 'search', { text: 'GRÖSSE'.toLowerCase().replace('ss', 'ß') });
  assert.equal(
    found.length,
    count(({ message }) => message.startsWith('Größe')),
  );
  assert.match(String(found[0]![4]), /^Größe \d+: the “window” seat/);
  assert.deepEqual(
    (await rows(form, 'trend')).map((row) => row.slice(1)),
    [[n, 0, null]],
  );
  assert.deepEqual(
    (await rows(form, 'labels')).map((row) => row.slice(0, 3)),
    [[null, null, n]],
  );
  const { body } = await sql(
    form,
    'SELECT size__text, count(*) AS n, sum(guests__number) AS guests FROM t GROUP BY 1 ORDER BY 1',
  );
  assert.deepEqual(
    body.rows.map((row: unknown[]) => row.slice(0, 2)),
    [
      ['large', large],
      ['small', n - large],
    ],
  );
}

test('answers are the same whether rows are in files or not, and count what was acknowledged a moment ago', {
  timeout: 180_000,
}, async () => {
  const form = await program.publish({ definition });
  for (let i = 0; i < 12; i++) await program.accepted(form, answers(i));
  await check(form, 12);
  await update(form);
  await check(form, 12);
  for (let i = 12; i < 21; i++) await program.accepted(form, answers(i));
  await check(form, 21);
  await update(form);
  await check(form, 21);
});

test('while responses come in, counts equal what was acknowledged before each question', {
  timeout: 120_000,
}, async () => {
  const form = await program.publish({ definition });
  let acknowledged = 0;
  let sending = true;
  const seen: [before: number, counted: number, after: number][] = [];
  // Until there were questions enough, however long one takes: each must end while responses go on coming in.
  const send = async (from: number) => {
    for (let i = from; i < 200 || seen.length < 4; i += 4) {
      await program.accepted(form, answers(i));
      acknowledged += 1;
    }
  };
  const count = async () => {
    while (sending) {
      const before = acknowledged;
      const [[, counted] = ['', 0]] = (await rows(form, 'responses-over-time', { by: 'month' })) as [string, number][];
      seen.push([before, counted, acknowledged]);
    }
  };
  const counting = count();
  const updating = (async () => {
    while (sending) await update(form);
  })();
  await Promise.all([0, 1, 2, 3].map(send));
  sending = false;
  await Promise.all([counting, updating]);
  assert.ok(seen.length >= 4, `${seen.length} questions`);
  // One that is on its way may be counted before it is acknowledged: four clients, one each.
  for (const [before, counted, after] of seen)
    assert.ok(before <= counted && counted <= after + 4, `${before} ≤ ${counted} ≤ ${after}`);
  assert.deepEqual(
    (await rows(form, 'responses-over-time', { by: 'month' })).map((row) => row[1]),
    [acknowledged],
  );
});

test('an answer comes from the cache until something changes, and is not sent twice', async () => {
  const form = await program.publish({ definition });
  await program.accepted(form, answers(1));
  const path = `/analytics/queries/answers?form_id=${form}&question=size&fresh=1`;
  const ask = (headers = {}) => program.call('GET', path, { headers });
  const first = await ask();
  assert.deepEqual([first.status, first.headers.get('x-cache')], [200, 'MISS']);
  const second = await ask();
  assert.deepEqual([second.headers.get('x-cache'), second.body], ['HIT', first.body]);
  const etag = first.headers.get('etag')!;
  assert.equal((await ask({ 'if-none-match': etag })).status, 304);
  await program.accepted(form, answers(2));
  const third = await ask({ 'if-none-match': etag });
  assert.deepEqual([third.status, third.headers.get('x-cache'), third.body.rows[0][1]], [200, 'MISS', 2]);
});

test('a range of submission, and answers as NDJSON, CSV and Parquet', async () => {
  const form = await program.publish({ definition });
  for (let i = 0; i < 6; i++) await program.accepted(form, answers(i));
  const future = new Date(Date.now() + 3_600_000).toISOString();
  assert.deepEqual(await rows(form, 'labels', { from: future }), []);
  assert.equal((await rows(form, 'labels', { to: future })).length, 1);
  const token = await program.signIn('viewer');
  const file = async (format: string) => {
    const query = new URLSearchParams({ form_id: form, question: 'size', format, fresh: '1' });
    const answer = await program.call('GET', `/analytics/queries/answers?${query}`, { token });
    assert.deepEqual([answer.status, answer.headers.get('x-cache')], [200, 'MISS']);
    return { type: answer.headers.get('content-type'), bytes: answer.bytes };
  };
  const ndjson = await file('ndjson');
  assert.deepEqual(
    [
      ndjson.type,
      ndjson.bytes
        .toString()
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line).count),
    ],
    ['application/x-ndjson', [4, 2]],
  );
  assert.match((await file('csv')).bytes.toString(), /^answer,count,share\r?\nlarge,4,/);
  const table = await readParquetRows((await file('parquet')).bytes);
  assert.deepEqual(
    table.map(({ answer, count }) => [answer, Number(count)]),
    [
      ['large', 4],
      ['small', 2],
    ],
  );
});

test('the common queries are listed with their parameters, and wrong ones are told with the cure', async () => {
  const form = await program.publish({ definition });
  const { items } = (await program.call('GET', '/analytics/queries')).body;
  assert.deepEqual(
    items.map(({ name }: { name: string }) => name),
    commonQueries.map(({ name }) => name),
  );
  const wrong: [path: string, status: number, code: string, pointer?: string][] = [
    ['nonsense?form_id=FORM', 404, 'not-found'],
    ['labels?form_id=frm_01980f2e-7c1a-7b3e-9d55-0f4c2a6b8e10', 404, 'form-not-found'],
    ['labels', 400, 'malformed-query'],
    ['labels?form_id=FORM&from=2026-03-02T00:00:00Z&to=2026-03-01T00:00:00Z', 400, 'malformed-query'],
    ['labels?form_id=FORM&from=yesterday', 400, 'malformed-query'],
    ['labels?form_id=FORM&from=9999-12-31T23:59:59-23:59', 400, 'malformed-query'],
    ['labels?form_id=FORM&from=2026-06-30T23:59:60Z', 400, 'malformed-query'],
    ['labels?form_id=FORM&format=xml', 400, 'malformed-query'],
    ['labels?form_id=FORM&colour=red', 422, 'value-refused', '/colour'],
    ['answers?form_id=FORM', 422, 'value-refused', '/question'],
    ['answers?form_id=FORM&question=nobody', 422, 'value-refused', '/question'],
    ['answers?form_id=FORM&question=message', 422, 'value-refused', '/question'],
    ['answers?form_id=FORM&question=pin', 422, 'value-refused', '/question'],
    ['answers?form_id=FORM&question=size&limit=0', 422, 'value-refused', '/limit'],
    ['numbers?form_id=FORM&question=size', 422, 'value-refused', '/question'],
    ['responses-over-time?form_id=FORM&by=moon', 422, 'value-refused', '/by'],
  ];
  for (const [path, status, code, pointer] of wrong) {
    const { body, ...answer } = await program.call('GET', `/analytics/queries/${path.replace('FORM', form)}`);
    assert.deepEqual([answer.status, body.code], [status, code], path);
    if (pointer) assert.equal(body.errors[0].pointer, pointer, path);
  }
});

test('what people wrote is shown to those only who may read it', async () => {
  const form = await program.publish({ definition });
  await program.accepted(form, answers(0));
  const as = async (role: 'viewer' | 'editor' | 'analyst') => {
    const token = await program.signIn(role);
    const search = await program.call('GET', `/analytics/queries/search?form_id=${form}&text=window&fresh=1`, {
      token,
    });
    return [search.status, (await sql(form, 'SELECT count(*) FROM t', {}, token)).status];
  };
  assert.deepEqual(
    [await as('viewer'), await as('editor'), await as('analyst')],
    [
      [403, 403],
      [403, 403],
      [200, 200],
    ],
  );
  const analyst = await program.signIn('analyst');
  const text = 'SELECT email__text, message__text, * FROM t';
  const masked = await sql(form, text, {}, analyst);
  assert.equal(masked.status, 200, masked.text);
  assert.deepEqual(masked.body.rows[0].slice(0, 2), [null, answers(0).message]);
  assert.doesNotMatch(masked.text, /guest0@example\.org|topsecret/);
  const open = await sql(form, text);
  assert.deepEqual(open.body.rows[0].slice(0, 2), [answers(0).email, answers(0).message]);
  assert.doesNotMatch(open.text, /topsecret/);
});

test('a token for SQL alone reads free text and choices there, and neither what is masked nor the responses', async () => {
  const form = await program.publish({ definition });
  await program.accepted(form, answers(0));
  const made = await program.call('POST', '/tokens', { body: { name: 'sql', scopes: ['analytics:sql'] } });
  assert.equal(made.status, 201, made.text);
  const { token } = made.body;
  const { body } = await sql(form, 'SELECT message__text, size__text, email__text FROM t', {}, token);
  assert.deepEqual(body.rows, [[answers(0).message, 'small', null]]);
  for (const path of [`/forms/${form}/responses`, `/forms/${form}/analytics`, '/analytics/queries'])
    assert.equal((await program.call('GET', path, { token })).status, 403, path);
});

test('SQL that is not one harmless SELECT is refused with a reason, and what never ends ends', {
  timeout: 120_000,
}, async () => {
  const form = await program.publish({ definition });
  await program.accepted(form, answers(0));
  const refused = [
    'DELETE FROM t',
    "COPY t TO '/tmp/x'",
    "ATTACH '/tmp/x.db'",
    "SELECT * FROM read_text('/etc/passwd')",
    "SELECT * FROM '/etc/passwd'",
    "SELECT * FROM sniff_csv('/etc/passwd')",
    'INSTALL httpfs',
    'SET threads = 100',
    "SELECT getenv('PATH')",
    'SELECT * FROM range(1000000000000)',
    'SELECT 1; SELECT 2',
    'SELECT * FROM duckdb_settings()',
  ];
  for (const text of refused) {
    const { status, body } = await sql(form, text);
    assert.deepEqual([status, body.code], [422, 'query-refused'], text);
    assert.ok(body.detail.length > 20, `${text}: ${body.detail}`);
  }
  assert.equal((await sql(form, `SELECT ${'('.repeat(9000)}1${')'.repeat(9000)}`)).body.code, 'query-refused');
  assert.equal((await sql(form, 'SELECT nothing FROM t')).body.code, 'query-failed');
  assert.equal((await sql(form, 'SELECT 1', { tables: { 'a b': form } })).body.errors[0].code, 'bad-name');
  assert.equal((await sql(form, 'SELECT 1', { tables: { t: 'no-form' } })).body.errors[0].code, 'form-not-found');
  assert.deepEqual((await sql(form, 'SELECT $a + 1', { params: { a: 41 } })).body.rows, [[42]]);
  assert.equal((await sql(form, 'SELECT $a + 1', { params: { a: { b: 1 } } })).status, 400);
  await program.restart({ FORMSTEAD_QUERY_TIMEOUT: '2s' });
  const endless = 'WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n';
  const { status, body } = await sql(form, endless);
  assert.deepEqual([status, body.code], [422, 'query-too-slow']);
  assert.deepEqual((await sql(form, 'SELECT count(*) FROM t')).body.rows, [[1]], 'the next one is answered');
});

test('rows of small groups are left out where the installation says so', async () => {
  await program.restart({ FORMSTEAD_QUERY_LEAST_GROUP: '3' });
  const form = await program.publish({ definition });
  for (let i = 0; i < 6; i++) await program.accepted(form, answers(i));
  const token = await program.signIn('viewer');
  const { rows: left, suppressed } = await asked(form, 'answers', { question: 'size' });
  assert.deepEqual([left, suppressed], [[['large', 4, 1]], 1]);
  const csv = `/analytics/queries/answers?form_id=${form}&question=size&format=csv&fresh=1`;
  assert.match((await program.call('GET', csv, { token })).text, /^answer,count,share\r?\nlarge,4,1(\.0)?\r?\n$/);
  const [bad, good] = [{ stars: 6 }, answers(0)];
  for (let i = 0; i < 2; i++) assert.equal((await program.send(form, { ...good, ...bad })).status, 422);
  const refusals = async (more = '') => program.call('GET', `/analytics/refusals?form_id=${form}${more}`, { token });
  const { body: few } = await refusals();
  assert.deepEqual(
    [few.refused, few.accepted, few.share_refused, few.by_question, few.per_day[0].refused, few.suppressed],
    [null, 6, null, [], null, 3],
  );
  const refusedCsv = await refusals('&format=csv&table=per_day');
  assert.equal(refusedCsv.text, `day,refused,accepted\r\n${few.to},,6\r\n`);
  assert.equal(refusedCsv.headers.get('x-suppressed'), '1', 'of this table alone');
  assert.equal((await program.send(form, { ...good, ...bad })).status, 422);
  assert.deepEqual((await refusals()).body.by_question, [{ question: 'stars', code: 'not-a-choice', count: 3 }]);
  const [[count, , , least, , median, , , most] = []] = await rows(form, 'numbers', { question: 'stars' });
  assert.deepEqual([count, least, median, most], [6, null, 2.5, null]);

  const counts = async (range = '') => (await program.call('GET', `/forms/${form}/analytics${range}`, { token })).body;
  const all = await counts();
  assert.deepEqual([all.total_responses, all.last_hour, all.unlabelled], [6, 6, 6]);
  assert.deepEqual(all.by_field.size, [{ value: 'large', count: 4 }]);
  assert.deepEqual([all.by_field.stars, all.suppressed], [[], 6], 'one group of sizes, five of stars');
  const newest = (await program.responses(form))[0].submitted_at;
  const one = await counts(`?from=${newest}`);
  assert.deepEqual([one.total_responses, one.unlabelled, one.per_day, one.by_field.size], [null, null, [], []]);
  assert.ok(one.suppressed >= 4 && one.last_hour === 6);
});

test('how tasks and deliveries of the last hours went', async () => {
  const form = await program.publish({ definition });
  const { body } = await program.call('POST', `/forms/${form}/dataset`);
  await program.finished(body.task_id, 60_000);
  const { status, body: stats } = await program.call('GET', '/analytics/operations?hours=1');
  assert.equal(status, 200);
  const update = stats.tasks.kinds.find(({ kind }: { kind: string }) => kind === 'update-dataset');
  assert.ok(
    update.by_status.succeeded >= 1 && update.ran_seconds.max >= 0 && update.count >= 1,
    JSON.stringify(update),
  );
  assert.deepEqual([stats.tasks.complete, stats.deliveries.endpoints], [true, []]);
  const file = (format: string, more = '') => program.call('GET', `/analytics/operations?format=${format}${more}`);
  const csv = await file('csv');
  const [head, ...lines] = csv.text.trimEnd().split('\r\n');
  assert.ok(head!.startsWith('kind,count,pending,') && head!.endsWith('ran_seconds_max'), head);
  assert.deepEqual(csv.headers.get('x-truncated'), 'false');
  assert.ok(lines.some((line) => line.startsWith(`update-dataset,${update.count},`)));
  const parquet = await readParquetRows((await file('parquet', '&hours=1')).bytes);
  const row = parquet.find(({ kind }) => kind === 'update-dataset')!;
  assert.deepEqual(
    [row.count, row.succeeded, row.retried, row.ran_seconds_max],
    [BigInt(update.count), BigInt(update.by_status.succeeded), BigInt(update.retried), update.ran_seconds.max],
  );
  const nothing = await file('csv', '&table=deliveries');
  assert.match(nothing.text, /^endpoint_id,attempts,succeeded,retries,milliseconds_p50,[^\n]*\r\n$/);
  assert.equal((await file('ndjson', '&table=outcomes')).text, '');
  assert.equal((await file('ndjson', '&limit=1')).headers.get('x-truncated'), 'true');
  for (const bad of ['format=xml', 'format=csv&table=kinds'])
    assert.equal((await program.call('GET', `/analytics/operations?${bad}`)).status, 400, bad);
  const few = (await program.call('GET', '/analytics/operations?limit=1')).body;
  assert.deepEqual([few.tasks.complete, few.tasks.kinds.length], [false, 1]);
  assert.equal(
    (await program.call('GET', '/analytics/operations', { token: await program.signIn('viewer') })).status,
    403,
  );
});

test('formstead sql answers beside the running server, as a table, as JSON and into files', async () => {
  const form = await program.publish({ definition, slug: 'asked-by-sql' });
  for (let i = 0; i < 5; i++) await program.accepted(form, answers(i));
  await update(form);
  await program.accepted(form, answers(5));
  const dir = mkdtempSync(join(tmpdir(), 'formstead-sql-'));
  const ask = (text: string, ...args: string[]) =>
    formstead(['sql', '--table', 't=asked-by-sql', ...args, '--', text], testEnvironment(program.dir));
  const left = readdirSync(program.dir, { recursive: true });
  // Of a command that was killed two days ago.
  const old = join(program.dir, 'sql-killed');
  mkdirSync(old);
  utimesSync(old, new Date(Date.now() - 2 * 86_400_000), new Date(Date.now() - 2 * 86_400_000));
  const table = await ask('SELECT size__text AS size, count(*) AS n FROM t GROUP BY 1 ORDER BY 1');
  assert.deepEqual(readdirSync(program.dir, { recursive: true }), left, 'it leaves nothing behind');
  assert.deepEqual([table.code, table.stderr], [0, '']);
  assert.equal(table.stdout, 'size   n\nlarge  4\nsmall  2\n');
  const json = await ask(
    'SELECT email__text FROM t WHERE stars__number = $s::DOUBLE ORDER BY 1',
    '--param',
    's=1',
    '--format',
    'json',
  );
  assert.deepEqual([json.code, json.stderr], [0, '']);
  assert.deepEqual(JSON.parse(json.stdout).rows, [['guest0@example.org'], ['guest0@example.org']]);
  const file = join(dir, 'answers.csv');
  assert.equal((await ask('SELECT count(*) AS n FROM t', '--format', 'csv', '--out', file)).code, 0);
  assert.match(readFileSync(file, 'utf8'), /^n\r?\n6\r?\n$/);
  const wrong: [args: string[], text: string, said: RegExp][] = [
    [['--format', 'csv'], 'SELECT 1', /name it with --out/],
    [['--format', 'csv', '--out', file], 'SELECT 1', /is there already/],
    [['--format', 'xml'], 'SELECT 1', /There is no format xml/],
    [[], 'DROP TABLE t', /SELECT/],
    [['--param', 'x'], 'SELECT 1', /name=value/],
  ];
  for (const [args, text, said] of wrong) {
    const { code, stderr } = await ask(text, ...args);
    assert.notEqual(code, 0, text);
    assert.match(stderr, said);
  }
  rmSync(dir, { recursive: true });
});
