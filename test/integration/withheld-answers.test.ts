import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { createAnalystSql } from '#app/queries/analyst-sql.ts';
import { createReviews } from '#app/reviews.ts';
import { exportFormats } from '#domain/export.ts';
import type { Json } from '#domain/json.ts';
import { openExportWorld, readLines, readParquet } from '../support/export-world.ts';
import { openQueryWorld } from '../support/query-world.ts';

const asText = {
  elements: [
    { type: 'text', name: 'code' },
    { type: 'comment', name: 'note' },
  ],
};
const asPassword = {
  elements: [
    { type: 'text', name: 'code', inputType: 'password' },
    { type: 'text', name: 'pin', inputType: 'password' },
    { type: 'comment', name: 'note' },
  ],
};
const withoutPin = { elements: [{ type: 'comment', name: 'note' }] };

test('answers to passwords are in no export of any format, of one form or of all, in rows of no version', async (t) => {
  const world = await openExportWorld(t);
  const form = await world.form([{ definition: asText }, { definition: asPassword }, { definition: withoutPin }]);
  await world.respond(form.id, { code: 'hush-one', note: 'kept one' }, { version: 1 });
  await world.respond(form.id, { code: 'hush-two', pin: 'hush-three', note: 'kept two' }, { version: 2 });
  await world.respond(form.id, { note: 'kept three' }, { version: 3 });
  const other = await world.form([{ definition: asText }]);
  await world.respond(other.id, { code: 'kept four', note: 'kept five' });

  for (const format of exportFormats) {
    for (const formId of [form.id, undefined]) {
      const { path, report } = await world.make({ formId, format, from: undefined, to: undefined });
      const rows: unknown =
        format === 'jsonl'
          ? await readLines(path)
          : format === 'parquet'
            ? (await readParquet(path)).rows
            : await readFile(path, 'utf8');
      const text = typeof rows === 'string' ? rows : JSON.stringify(rows);
      const name = `${format} of ${formId === undefined ? 'all forms' : 'one form'}`;
      assert.doesNotMatch(text, /hush|code__text/, name);
      for (const kept of ['one', 'two', 'three']) assert.ok(text.includes(`kept ${kept}`), `${name}: ${kept}`);
      // A password of one form is a plain text in another.
      assert.equal(text.includes('kept four'), formId === undefined, name);
      assert.equal(report.rows, formId === undefined ? 4 : 3, name);
    }
  }
});

test('a search finds no answer to a password, and everything else beside it', async (t) => {
  const world = await openExportWorld(t);
  const form = await world.form([{ definition: asText }, { definition: asPassword }]);
  const say = (version: number, answers: Record<string, Json>) => world.respond(form.id, answers, { version });
  await say(1, { code: 'hush', note: 'a' });
  await say(2, { pin: 'hush', note: 'b' });
  const open = await say(2, { pin: 'other', note: 'do hush now' });
  const unused = () => assert.fail('a search needs none of this');
  const reviews = createReviews({
    storage: world.storage,
    catalog: { form: async () => form, version: unused },
    clock: world.clock,
    ids: world.ids,
    audit: world.audit,
    wantsEvent: unused,
    offer: unused,
  });
  const { items } = await reviews.list(form.id, { text: 'HUSH', limit: 10 });
  assert.deepEqual(
    items.map(({ doc }) => doc.id),
    [open],
  );
  // They are kept, and a list that searches nothing shows them.
  const listed = await reviews.list(form.id, { limit: 10 });
  assert.deepEqual(
    listed.items.map(({ doc }) => doc.answers.pin ?? doc.answers.code),
    ['hush', 'hush', 'other'],
  );
});

test('SQL of analysts knows no column of a personal question that became a password, and masks the others', async (t) => {
  const { storage, tables, engine, metrics, ...world } = await openQueryWorld(t);
  const as = (...inputTypes: string[]) => ({
    elements: ['mail', 'phone'].map((name, i) => ({ type: 'text', name, inputType: inputTypes[i]! })),
  });
  const form = await world.form([{ definition: as('email', 'tel') }, { definition: as('password', 'tel') }]);
  await world.respond(form.id, { mail: 'hush@example.org', phone: '+49 30 1' }, { version: 1 });
  const limits = { timeMs: 30_000, rows: 10 };
  const { answer } = createAnalystSql({ storage, tables, engine, metrics, note: async () => {}, limits });
  for (const unmasked of [false, true]) {
    const wish = { params: {}, tables: { t: form.id }, fresh: true, unmasked };
    const ask = (sql: string) => answer({ actor: { kind: 'operator', id: 'o' } }, { ...wish, sql }, t.signal);
    assert.deepEqual((await ask('SELECT phone__text FROM t')).rows, [[unmasked ? '+49 30 1' : null]]);
    assert.doesNotMatch(JSON.stringify(await ask('SELECT * FROM t')), /hush|mail__text/);
  }
});
