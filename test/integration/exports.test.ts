import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import { test } from 'node:test';
import type { IntelligenceSpec } from '#domain/intelligence.ts';
import type { Json } from '#domain/json.ts';
import type { Understanding } from '#domain/response.ts';
import { openExportWorld, type Row, readLines, readParquet, type World } from '../support/export-world.ts';

const first = {
  pages: [
    {
      elements: [
        { type: 'comment', name: 'message', title: 'Message' },
        { type: 'text', name: 'age', inputType: 'number' },
        { type: 'text', name: 'born', inputType: 'date' },
        { type: 'text', name: 'visit', inputType: 'datetime-local' },
        { type: 'boolean', name: 'member' },
        { type: 'checkbox', name: 'topics', choices: ['a', 'b', 3] },
        { type: 'radiogroup', name: 'plan', choices: [1, 'pro'] },
        { type: 'text', name: 'Größe' },
      ],
    },
  ],
};
/** Another type for `age`, and a question more. */
const second = {
  elements: [
    { type: 'comment', name: 'message' },
    { type: 'text', name: 'age' },
    { type: 'rating', name: 'stars' },
  ],
};
const intelligence: IntelligenceSpec = {
  extract: {
    fields: [
      { name: 'amount', type: 'money' },
      { name: 'Order No.', type: 'text' },
    ],
  },
};
const provenance = { tier: 'head', model: 'm', inputSha256: '', milliseconds: 1, at: 0 } as const;
const understanding = (label: string | null, needsReview: boolean): Understanding => ({
  language: 'en',
  classify: { label, confidence: 0.5, tier: 'head', needsReview, alternatives: [], provenance },
  extract: {
    fields: {
      amount: { value: '12.50 EUR', source: '12,50 €', start: 0, end: 7, question: 'message', tier: 'rules' },
      'Order No.': { value: 'A-7', source: 'A-7', start: 0, end: 3, question: 'message', tier: 'rules' },
    },
    provenance,
  },
  respond: { text: 'Dear you', tier: 'template', draft: true, provenance },
});

/** Responses with everything that is hard about them. */
async function fill(world: World) {
  const form = await world.form([
    { definition: first, intelligence },
    { definition: second, intelligence },
  ]);
  const say = (answers: Record<string, Json>, also?: Parameters<World['respond']>[2]) =>
    world.respond(form.id, answers, also);
  await say(
    {
      message: 'Grüße, "you"\n𝄞 \u0000 </script>',
      age: -5.5,
      born: '2024-02-29',
      visit: '2026-01-31T09:00',
      member: false,
      topics: ['a', 3],
      plan: 1,
      Größe: 'XL',
    },
    {
      metadata: { source: 'web', 'utm.campaign': 'x' },
      understanding: understanding('billing', false),
      status: 'completed',
    },
  );
  await say({ message: 'unsure', plan: 'pro', topics: [] }, { understanding: understanding('billing', true) });
  await say(
    { message: 'corrected' },
    {
      understanding: understanding('billing', true),
      review: { label: null, fields: { amount: '9.00 EUR' }, reply: 'Mine', by: 'usr_1', at: 1_700_000_000_000 },
    },
  );
  await say({ message: 'half a pair: \ud800!', age: 'about forty', stars: 5 }, { version: 2 });
  await say({}, { version: 2 });
  return form;
}

const wellFormed = (value: unknown) => (typeof value === 'string' ? value.toWellFormed() : value);

/** The same facts as the columns hold, from a line of the JSON export: written anew here, so that a mistake in the one does not hide in the other. */
// biome-ignore lint/suspicious/noExplicitAny: a line is looked into as it is.
function flattened(line: any): Row {
  const one = line.form_version === 1;
  const a = line.answers;
  const { classify, extract, respond } = line.intelligence ?? {};
  const field = (name: string) => line.review?.fields?.[name] ?? extract?.fields[name]?.value ?? null;
  const reviewed = line.review !== undefined && 'label' in line.review;
  return {
    response_id: line.id,
    form_id: line.form_id,
    form_version: String(line.form_version),
    submitted_at: instant(line.submitted_at),
    day: line.submitted_at.slice(0, 10),
    status: line.status,
    label: line.label ?? null,
    label_source: 'label' in line ? (reviewed ? 'review' : classify.tier) : null,
    confidence: classify?.confidence ?? null,
    language: line.language ?? null,
    needs_review: classify ? classify.needs_review && !reviewed : null,
    message__text: wellFormed(a.message) ?? null,
    age__number: (one && a.age) || null,
    born__date: a.born ?? null,
    visit__timestamp: a.visit ? `${a.visit.replace('T', ' ')}:00` : null,
    member__boolean: a.member ?? null,
    topics__list: a.topics?.map(String) ?? null,
    plan__text: a.plan === undefined ? null : String(a.plan),
    gr_e_text: a.Größe ?? null,
    age__text: (!one && a.age) || null,
    stars__number: a.stars ?? null,
    x_amount: field('amount'),
    x_order_no: field('Order No.'),
    draft_reply: line.review?.reply ?? respond?.text ?? null,
    metadata: line.metadata ? JSON.stringify(line.metadata) : null,
    receipt_chain: line.receipt.chain,
    receipt_seq: String(line.receipt.seq),
    receipt_sha256: line.receipt.sha256,
    machine_label: classify?.label ?? null,
    machine_tier: classify?.tier ?? null,
    machine_model: classify?.provenance.model ?? null,
    understood_at: classify ? instant(classify.provenance.at) : null,
    reviewed_at: line.review ? instant(line.review.at) : null,
  };
}

/** As DuckDB writes an instant. */
const instant = (at: string) => `${at.replace('T', ' ').replace(/\.?0*Z$/, '')}+00`;

/** Column names with a hash in them as the names above have it. */
const plainName = (name: string) => name.replace(/_[0-9a-f]{8}(?=__|$)/, '').replace('gr_e__text', 'gr_e_text');

test('Parquet and JSON lines hold the same rows, with every type of answer, both versions and a correction', async (t) => {
  const world = await openExportWorld(t);
  // Noon, so that the day in Berlin is the day in UTC.
  world.clock.advance(Date.parse('2026-11-02T12:00:00.120Z') - world.clock.now());
  const form = await fill(world);
  world.clock.advance(1000);
  const lines = await world.make({ formId: form.id, format: 'jsonl' });
  const parquet = await world.make({ formId: form.id, format: 'parquet' });

  const expected = (await readLines(lines.path)).map(flattened);
  const { rows, types } = await readParquet(parquet.path);
  const actual = rows.map((row) =>
    Object.fromEntries(Object.entries(row).map(([name, value]) => [plainName(name), value])),
  );
  assert.equal(expected.length, 5);
  assert.deepEqual(actual, expected);
  assert.deepEqual(Object.keys(actual[0]!), Object.keys(expected[0]!));
  const named = Object.fromEntries(Object.entries(types).map(([name, type]) => [plainName(name), type]));
  assert.equal(named.submitted_at, 'TIMESTAMP WITH TIME ZONE');
  assert.equal(named.day, 'DATE');
  assert.equal(named.age__number, 'DOUBLE');
  assert.equal(named.age__text, 'VARCHAR');
  assert.equal(named.born__date, 'DATE');
  assert.equal(named.visit__timestamp, 'TIMESTAMP');
  assert.equal(named.member__boolean, 'BOOLEAN');
  assert.equal(named.topics__list, 'VARCHAR[]');
  assert.deepEqual(parquet.report.misfits, 0);
  assert.deepEqual(await world.staged(), []);
});

test('an answer that does not fit its column is left out and counted', async (t) => {
  const world = await openExportWorld(t);
  const form = await world.form([{ definition: first }]);
  await world.respond(form.id, {
    message: 'kept',
    age: '40',
    born: '2026-02-30',
    visit: 'soon',
    member: 'yes',
    topics: 'a',
  });
  world.clock.advance(10);
  const { report, path } = await world.make({ formId: form.id, format: 'parquet' });
  assert.deepEqual([report.rows, report.misfits], [1, 5]);
  const [row] = (await readParquet(path)).rows;
  assert.equal(row!.message__text, 'kept');
  for (const column of ['age__number', 'born__date', 'visit__timestamp', 'member__boolean', 'topics__list'])
    assert.equal(row![column], null);
});

test('a form without responses gives a file with its columns and no rows', async (t) => {
  const world = await openExportWorld(t);
  const form = await world.form([{ definition: first }]);
  for (const format of ['parquet', 'jsonl', 'csv'] as const) {
    const { report, path } = await world.make({ formId: form.id, format });
    assert.equal(report.rows, 0);
    if (format === 'parquet') assert.ok('message__text' in (await readParquet(path)).types);
    if (format === 'jsonl') assert.deepEqual(await readLines(path), []);
    if (format === 'csv') assert.match(await readFile(path, 'utf8'), /^response_id,form_id,.*message__text.*\r\n$/);
  }
});

test('an export of all forms holds every response, its answers and its fields as JSON', async (t) => {
  const world = await openExportWorld(t);
  const form = await fill(world);
  const other = await world.form([{ definition: second }]);
  await world.respond(other.id, { message: 'other' });
  world.clock.advance(10);
  const lines = await readLines((await world.make({ format: 'jsonl' })).path);
  const { rows } = await readParquet((await world.make({ format: 'parquet' })).path);
  assert.equal(lines.length, 6);
  assert.deepEqual(
    rows.map((row) => [row.response_id, JSON.parse(row.answers as string)]),
    lines.map((line) => [line.id, line.answers]),
  );
  assert.deepEqual(JSON.parse(rows[2]!.extracted as string), { amount: '9.00 EUR', 'Order No.': 'A-7' });
  assert.deepEqual(new Set(rows.map((row) => row.form_id)), new Set([form.id, other.id]));
  const csv = await readFile((await world.make({ format: 'csv' })).path, 'utf8');
  assert.equal(csv.split('\r\n').length, 1 + 6 + 1);
});

test('a range takes in its beginning and leaves out its end', async (t) => {
  const world = await openExportWorld(t);
  const form = await world.form([{ definition: second }], 1000);
  for (const at of [1999, 2000, 2999, 3000]) await world.respond(form.id, { message: String(at) }, { at });
  const { path } = await world.make({ formId: form.id, format: 'jsonl', from: 2000, to: 3000 });
  const lines = (await readLines(path)) as { answers: { message: string } }[];
  assert.deepEqual(
    lines.map(({ answers }) => answers.message),
    ['2000', '2999'],
  );
});

test('a response that comes while the export runs is for the next one', async (t) => {
  const world = await openExportWorld(t);
  const form = await world.form([{ definition: second }]);
  for (let i = 0; i < 450; i++) await world.respond(form.id, { message: `${i}` });
  const { exportId, taskId } = await world.exports.request(world.caller, { formId: form.id, format: 'jsonl' });
  const { cause } = await world.claim(taskId);
  const late: Promise<string>[] = [];
  const report = await world.exports.run(cause, exportId, {
    signal: new AbortController().signal,
    progress() {
      world.clock.advance(1000);
      late.push(world.respond(form.id, { message: 'late' }));
    },
  });
  assert.ok((await Promise.all(late)).length > 0);
  assert.equal(report.rows, 450);
});

test('a response that was accepted before the clock was set back is in the export, and one that comes meanwhile ends it all the same', async (t) => {
  const world = await openExportWorld(t);
  const form = await world.form([{ definition: second }]);
  const other = await world.form([{ definition: second }]);
  await world.respond(form.id, { message: 'ahead' });
  await world.respond(other.id, { message: 'ahead too' });
  world.clock.advance(-86_400_000);
  await world.respond(form.id, { message: 'now' });
  const rowsOf = async (wish: { formId?: string; to?: number }) =>
    (await readLines((await world.make({ ...wish, format: 'jsonl' })).path)).map((row) => (row.answers as Row).message);
  assert.deepEqual(await rowsOf({ formId: form.id }), ['now', 'ahead']);
  assert.deepEqual((await rowsOf({})).toSorted(), ['ahead', 'ahead too', 'now']);
  assert.deepEqual(await rowsOf({ formId: form.id, to: world.clock.now() + 1000 }), ['now']);

  const { exportId, taskId } = await world.exports.request(world.caller, { formId: form.id, format: 'jsonl' });
  const { cause } = await world.claim(taskId);
  for (let i = 0; i < 450; i++) await world.respond(form.id, { message: `${i}` });
  let late = 0;
  const report = await world.exports.run(cause, exportId, {
    signal: new AbortController().signal,
    progress() {
      // Behind the newest that there was: for the next export.
      late += 1;
      void world.respond(form.id, { message: 'late' }, { at: world.clock.now() + 2 * 86_400_000 + late });
    },
  });
  assert.ok(late > 0);
  assert.equal(report.rows, 452);
});

test('a finished export says what its file is, is announced once, and run again changes nothing', async (t) => {
  const world = await openExportWorld(t);
  const form = await fill(world);
  world.wanted.add('export.ready');
  const { exportId, taskId } = await world.exports.request(world.caller, { formId: form.id, format: 'csv' });
  const { cause, task } = await world.claim(taskId);
  assert.equal(task.queue, 'high-priority');
  const control = { signal: new AbortController().signal, progress() {} };
  await world.exports.run(cause, exportId, control);
  const done = await world.exports.get(exportId);
  assert.equal(done.status, 'ready');
  const bytes = await readFile(`${world.dir}/blobs/${done.file}`);
  assert.equal(done.bytes, bytes.length);
  assert.equal(done.sha256, createHash('sha256').update(bytes).digest('hex'));
  assert.equal(done.rows, 5);

  await world.exports.run(cause, exportId, control);
  assert.deepEqual(await world.exports.get(exportId), done);
  const events = await world.storage.list('event', { limit: 10 });
  assert.deepEqual(
    events.items.map(({ doc }) => [doc.type, doc.formId]),
    [['export.ready', form.id]],
  );
  const { data } = JSON.parse(events.items[0]!.doc.body);
  assert.deepEqual([data.id, data.sha256, data.rows], [exportId, done.sha256, 5]);
  assert.ok(world.offered.some(({ kind }) => kind === 'fan-out-event'));
});

test('what can be told from outside is refused or not there: an unknown form, an empty range, an unknown export', async (t) => {
  const world = await openExportWorld(t);
  const form = await world.form([{ definition: second }]);
  const request = (wish: Parameters<typeof world.exports.request>[1]) => world.exports.request(world.caller, wish);
  await assert.rejects(request({ formId: 'frm_none', format: 'csv' }), { code: 'form-not-found' });
  await assert.rejects(request({ formId: form.id, format: 'csv', from: 5, to: 5 }), { code: 'value-refused' });
  await assert.rejects(world.exports.get('exp_none'), { code: 'not-found' });
  const { exportId } = await request({ formId: form.id, format: 'csv' });
  await assert.rejects(world.exports.download(exportId), { code: 'conflict' });
});

test('a worker that lost its lease neither replaces the file nor the row', async (t) => {
  const world = await openExportWorld(t);
  const form = await fill(world);
  const { exportId, taskId } = await world.exports.request(world.caller, { formId: form.id, format: 'jsonl' });
  const slow = await world.claim(taskId);
  await world.storage.tasks.voidLeases(world.clock.now());
  const quick = await world.claim(taskId);
  const control = { signal: new AbortController().signal, progress() {} };
  await assert.rejects(world.exports.run(slow.cause, exportId, control), { code: 'conflict' });
  assert.deepEqual(await world.staged(), []);
  assert.deepEqual(await world.blobs.list('exports'), []);
  await world.exports.run(quick.cause, exportId, control);
  assert.equal((await world.exports.get(exportId)).status, 'ready');
});

test('a worker that sleeps between its file and its commit leaves the file of its successor, which is ready', async (t) => {
  const world = await openExportWorld(t);
  const form = await fill(world);
  const { exportId, taskId } = await world.exports.request(world.caller, { formId: form.id, format: 'csv' });
  const slow = await world.claim(taskId);
  const control = { signal: new AbortController().signal, progress() {} };
  const { stage } = world.blobs;
  world.blobs.stage = async (name) => {
    world.blobs.stage = stage;
    const staged = await stage(name);
    const finish = async () => {
      await world.storage.tasks.voidLeases(world.clock.now());
      await world.respond(form.id, { message: 'meanwhile' });
      world.clock.advance(10);
      await world.exports.run((await world.claim(taskId)).cause, exportId, control);
      return staged.finish();
    };
    return { ...staged, finish };
  };
  await assert.rejects(world.exports.run(slow.cause, exportId, control), { code: 'conflict' });
  const { export: ready, read } = await world.exports.download(exportId);
  const chunks = await Array.fromAsync(await read());
  assert.match(Buffer.concat(chunks).toString(), /meanwhile/);
  assert.deepEqual(
    (await world.blobs.list('exports')).map(({ name }) => name),
    [ready.file],
  );
});

test('what an attempt has left that was killed between its file and its commit goes with the next one', async (t) => {
  const world = await openExportWorld(t);
  const form = await fill(world);
  for (const ending of ['ready', 'failed']) {
    const { exportId, taskId } = await world.exports.request(world.caller, { formId: form.id, format: 'csv' });
    await world.blobs.write(`exports/${exportId}-0123abcd.csv`, Buffer.from('of a killed one'));
    const { cause } = await world.claim(taskId);
    if (ending === 'failed') await world.exports.fail(cause, exportId, { code: 'timeout', detail: '' });
    else await world.exports.run(cause, exportId, { signal: new AbortController().signal, progress() {} });
    const { status, file } = (await world.storage.get('export', exportId))!.doc;
    assert.equal(status, ending);
    const names = (await world.blobs.list('exports')).map(({ name }) => name);
    assert.deepEqual(
      names.filter((name) => name.includes(exportId)),
      file ? [file] : [],
    );
  }
});

test('CSV opens as a table: quoted where it must be, formulas made harmless, numbers left numbers', async (t) => {
  const world = await openExportWorld(t);
  const form = await fill(world);
  await world.respond(form.id, { message: '=HYPERLINK("http://evil","x")', age: -5, topics: ['a'] });
  world.clock.advance(10);
  const { path } = await world.make({ formId: form.id, format: 'csv' });
  const text = await readFile(path, 'utf8');
  assert.ok(!text.startsWith('\ufeff'));
  assert.match(text, /,"'=HYPERLINK\(""http:\/\/evil"",""x""\)",-5,/);
  assert.match(text, /"Grüße, ""you""\n𝄞/);
  assert.ok((await stat(path)).size > 0);
});
